// SPDX-License-Identifier: Apache-2.0
//
// A client makes many short connections, two at a time; each is closed by both sides.
// expects: healthy

const net = require('net');

let left = 600;
const server = net.createServer(socket => socket.on('error', () => {}).end('welcome\n'));
server.listen(0, '127.0.0.1', () => {
	const port = server.address().port;
	let running = 2;
	const next = () => {
		if (left-- <= 0)
			return --running || server.close();
		net.connect(port, '127.0.0.1').on('error', () => {}).on('close',
			() => setTimeout(next, 2)).resume();
	};
	next();
	next();
});
