/* SPDX-License-Identifier: Apache-2.0
 *
 * load.js SECONDS: an HTTP server under wrk with 16 connections for so long (0: under nothing).
 * Prints how often its sockets were read, which is once a request and once an end, and how many
 * there were, as counts.js does.
 */
'use strict';

const childProcess = require('child_process');
const http = require('http');

const counts = { read: 0, connection: 0 };
const seconds = Number(process.argv[2]);

const server = http.createServer((request, response) => {
	counts.read++;
	response.end('ok');
});
server.on('connection', (socket) => {
	counts.connection++;
	socket.on('end', () => counts.read++);
	socket.on('error', (error) => { counts.read += error.syscall === 'read'; });
});
server.on('clientError', (error, socket) => socket.destroy());
server.listen(0, '127.0.0.1', () => {
	const done = () => server.close(() => process.stdout.write(`${JSON.stringify(counts)}\n`));
	if (seconds === 0)
		done();
	else
		childProcess.spawn('wrk', ['-t1', '-c16', `-d${seconds}s`,
			`http://127.0.0.1:${server.address().port}/`],
		{ stdio: 'ignore' }).on('exit', done);
});
