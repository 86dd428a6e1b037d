// SPDX-License-Identifier: Apache-2.0
//
// Two processes of a cluster share a port; a client asks 50 times a second.
// expects: healthy

const cluster = require('cluster');
const http = require('http');

function serve() {
	http.createServer((request, response) => response.end('ok'))
		.listen(0, '127.0.0.1', function ready() {
			process.send(this.address().port);
		});
	process.on('disconnect', () => process.exit(0));
}

function lead() {
	let asking;
	for (let i = 0; i < 2; i++)
		cluster.fork().once('message', port => {
			asking ??= setInterval(() => http.get({ port, host: '127.0.0.1' },
				answer => answer.resume()).on('error', () => {}), 20);
		});
	setTimeout(() => {
		clearInterval(asking);
		cluster.disconnect();
	}, 2500);
}

if (cluster.isPrimary)
	lead();
else
	serve();
