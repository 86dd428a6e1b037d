// SPDX-License-Identifier: Apache-2.0
//
// Datagrams are sent to a server of its own, which answers each.
// expects: healthy
// load: light

const dgram = require('dgram');

const server = dgram.createSocket('udp4');
const client = dgram.createSocket('udp4');
server.on('message', (text, from) => server.send(text, from.port, from.address));
server.bind(0, '127.0.0.1', () => {
	const port = server.address().port;
	const asking = setInterval(() => client.send('ping', port, '127.0.0.1'), 10);
	setTimeout(() => {
		clearInterval(asking);
		setTimeout(() => {
			client.close();
			server.close();
		}, 100);
	}, 1800);
});
