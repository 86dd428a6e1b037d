// SPDX-License-Identifier: Apache-2.0
//
// A regular expression with nested quantifiers meets an input that almost matches.
// expects: blocked_cpu checkMail
// says: regular expression
// not: hot_loop

const http = require('http');

const shape = /^(\w+\.?)+@x$/;

function checkMail(text) {
	return shape.test(text);
}

const server = http.createServer((request, response) => {
	const good = checkMail(decodeURIComponent(request.url.slice(1)));
	response.end(good ? 'yes' : 'no');
});
server.listen(0, '127.0.0.1', () => {
	const port = server.address().port;
	const agent = new http.Agent({ keepAlive: true });
	const get = path => http.get({ port, host: '127.0.0.1', path, agent },
		answer => answer.resume()).on('error', () => {});
	const asking = setInterval(() => get('/ann@x'), 10);
	setTimeout(() => get(`/${'a'.repeat(25)}!`), 500);
	setTimeout(() => {
		clearInterval(asking);
		agent.destroy();
		server.close();
	}, 2500);
});
