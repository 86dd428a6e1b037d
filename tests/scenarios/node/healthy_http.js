// SPDX-License-Identifier: Apache-2.0
//
// A small JSON service: 100 requests a second, connections are kept, each request reads a file.
// expects: healthy

const fs = require('fs');
const http = require('http');

const server = http.createServer((request, response) => fs.readFile('/etc/hostname',
	(error, text) => response.end(JSON.stringify({ host: String(text).trim() }))));
server.listen(0, '127.0.0.1', () => {
	const port = server.address().port;
	const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
	const asking = setInterval(() => http.get({ port, host: '127.0.0.1', agent },
		answer => answer.resume()).on('error', () => {}), 10);
	setTimeout(() => {
		clearInterval(asking);
		setTimeout(() => {
			agent.destroy();
			server.close();
		}, 200);
	}, 3000);
});
