/* SPDX-License-Identifier: Apache-2.0
 *
 * Serves HTTP requests, each with fs.readFile and then crypto.pbkdf2, and ends when it is told to.
 * Knows nothing of tracing.
 */
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

let served = 0;

const server = http.createServer((request, response) => {
	fs.readFile(__filename, (error, data) => {
		crypto.pbkdf2(data, 'salt', 300, 32, 'sha256', (failed, key) => {
			served++;
			response.end(key.toString('hex'));
		});
	});
});

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.on('SIGTERM', () => {
	console.log(`served ${served}`);
	process.exit(0);
});
