// SPDX-License-Identifier: Apache-2.0
//
// A cluster gives each client to a worker by its address: behind a proxy all have the same, one
// worker does everything, and two have never had work.
// expects: uneven_processes process
// not: unclosed_handles descheduled

const cluster = require('cluster');
const net = require('net');

const WORKERS = 3;

function workerOf(address) {
	return [...address].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) % WORKERS, 7);
}

function primary() {
	const workers = Array.from({length: WORKERS}, () => cluster.fork());
	let alive = WORKERS;

	cluster.on('exit', () => --alive > 0 || process.exit(0)); // whoever outlives this is killed
	const server = net.createServer({pauseOnConnect: true}, (socket) => {
		workers[workerOf(socket.remoteAddress)].send('client', socket);
	});
	server.listen(0, '127.0.0.1', () => {
		const end = Date.now() + 2500;
		for (let i = 0; i < 6; i++)
			ask(server.address().port, end);
	});
}

function ask(port, end) {
	const client = net.connect(port, '127.0.0.1', () => client.write('?'));
	client.on('data', () => client.end());
	client.on('error', () => {});
	client.on('close', () => {
		if (Date.now() < end)
			setImmediate(ask, port, end);
		else
			cluster.disconnect();
	});
}

function answer(socket) {
	let sum = 0;
	for (let i = 0; i < 4e6; i++)
		sum += i % 7;
	socket.write(`${sum}`);
}

function worker() {
	process.on('disconnect', () => process.exit(0));
	process.on('message', (message, socket) => {
		if (!socket)
			return;
		socket.on('error', () => {});
		socket.on('end', () => socket.destroy());
		socket.on('data', () => answer(socket));
		socket.resume();
	});
}

if (cluster.isPrimary)
	primary();
else
	worker();
