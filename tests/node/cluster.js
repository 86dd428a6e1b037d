/* SPDX-License-Identifier: Apache-2.0
 *
 * Two workers of a cluster answer 40 requests, which read a file's status each.
 */
'use strict';

const cluster = require('cluster');
const fs = require('fs');
const http = require('http');

const REQUESTS = 40;

function serve() {
	const answer = (request, response) => fs.stat('/', () => response.end('ok'));
	const server = http.createServer(answer);
	server.listen(0, '127.0.0.1');
}

function ask(port, left) {
	if (left === 0) {
		cluster.disconnect(() => console.log('done'));
		return;
	}
	http.get({ port, host: '127.0.0.1', agent: false }, (response) => {
		response.resume();
		response.on('end', () => ask(port, left - 1));
	});
}

if (cluster.isPrimary) {
	let ready = 0;
	cluster.on('listening', (worker, address) => {
		if (++ready === 2)
			ask(address.port, REQUESTS);
	});
	cluster.fork();
	cluster.fork();
} else {
	serve();
}
