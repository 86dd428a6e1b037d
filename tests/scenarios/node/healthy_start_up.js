// SPDX-License-Identifier: Apache-2.0
//
// Asks another program once, at start-up, with execSync; then serves.
// expects: healthy
// load: light

const cp = require('child_process');
const http = require('http');

const version = cp.execSync('sleep 0.3; echo 1').toString();
const server = http.createServer((request, response) => response.end(version));
server.listen(0, '127.0.0.1', () => {
	const port = server.address().port;
	const asking = setInterval(() => http.get({ port, host: '127.0.0.1' },
		answer => answer.resume()).on('error', () => {}), 40);
	setTimeout(() => {
		clearInterval(asking);
		server.close();
	}, 2000);
});
