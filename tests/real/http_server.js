/* SPDX-License-Identifier: Apache-2.0
 *
 * An ordinary HTTP server: "/" answers at once, "/file" answers with what fs.readFile gave. It
 * counts what it did and prints the counts when it ends, as the ground truth that the trace is held
 * against. Knows nothing of tracing.
 */
'use strict';

const fs = require('fs');
const http = require('http');

const counts = { requests: 0, connections: 0, files: 0 };
let reading = 0;

const server = http.createServer((request, response) => {
	counts.requests++;
	if (request.url !== '/file') {
		response.end('hello\n');
		return;
	}
	reading++;
	fs.readFile(__filename, (error, data) => {
		reading--;
		counts.files++;
		response.writeHead(error ? 500 : 200);
		response.end(data);
	});
});

server.on('connection', () => counts.connections++);
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));

function stopWhenIdle() {
	if (reading)
		return;
	for (const name in counts)
		console.log(`${name} ${counts[name]}`);
	process.exit(0);
}

// A client that is gone leaves its file being read.
process.on('SIGTERM', () => server.close(() => setInterval(stopWhenIdle, 10)));
