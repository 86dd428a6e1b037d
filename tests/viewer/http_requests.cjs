/* SPDX-License-Identifier: Apache-2.0
 *
 * http_requests.cjs COUNT: a server that answers COUNT requests of its own: each reads a file, then
 * has the pool compute. Every tenth holds the loop for 8 ms, so that others wait behind it.
 */
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const count = Number(process.argv[2]);
const AT_ONCE = 4, HOLD_MS = 8;

function hold() {
	const end = performance.now() + HOLD_MS;
	while (performance.now() < end)
		;
}

const server = http.createServer((request, response) => {
	fs.readFile(__filename, () => {
		crypto.pbkdf2('word', 'salt', 2000, 32, 'sha256', () => {
			if (request.url.endsWith('0'))
				hold();
			response.end('done');
		});
	});
});

server.listen(0, '127.0.0.1', async () => {
	const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
	const { port } = server.address();
	const get = (path) => new Promise((resolve, reject) => {
		http.get({ port, path, agent }, (response) => {
			response.resume();
			response.on('end', resolve);
		}).on('error', reject);
	});
	let next = 0;
	const client = async () => {
		while (next < count)
			await get('/' + next++);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, client));
	agent.destroy();
	server.close();
});
