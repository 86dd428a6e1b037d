// SPDX-License-Identifier: Apache-2.0
//
// A request handler reads a template with readFileSync from a slow place: a named pipe that a
// writer opens 0.3 s later.
// expects: blocked_syscall loadTemplate
// says: readFileSync
// load: light

const cp = require('child_process');
const fs = require('fs');
const http = require('http');

cp.execFileSync('mkfifo', ['slow.fifo']); // in the scenario's own folder

function loadTemplate() {
	return fs.readFileSync('slow.fifo', 'utf8');
}

const server = http.createServer((request, response) => {
	if (request.url !== '/page')
		return response.end('ok');
	cp.spawn('sh', ['-c', 'sleep 0.3; echo hello >slow.fifo']);
	response.end(loadTemplate());
});
server.listen(0, '127.0.0.1', () => {
	const port = server.address().port;
	const get = path => http.get({ port, host: '127.0.0.1', path },
		answer => answer.resume()).on('error', () => {});
	const small = setInterval(() => get('/'), 20);
	let pages = 0;
	const large = setInterval(() => {
		get('/page');
		if (++pages < 3)
			return;
		clearInterval(large);
		setTimeout(() => {
			clearInterval(small);
			server.close();
		}, 600);
	}, 600);
});
