// SPDX-License-Identifier: Apache-2.0
//
// Computing is done in a worker thread, as node's documentation advises; the main thread is free.
// expects: healthy

const http = require('http');
const { Worker, isMainThread, parentPort } = require('worker_threads');

function compute(message) {
	const end = Date.now() + 120;
	while (Date.now() < end)
		;
	parentPort.postMessage(message);
}

function serve() {
	const worker = new Worker(__filename);
	const waiting = new Map();
	let id = 0;
	worker.on('message', message => {
		waiting.get(message).end('done');
		waiting.delete(message);
	});
	const server = http.createServer((request, response) => {
		if (request.url !== '/report')
			return response.end('ok');
		waiting.set(++id, response);
		worker.postMessage(id);
	});
	server.listen(0, '127.0.0.1', () => {
		const port = server.address().port;
		const get = path => http.get({ port, host: '127.0.0.1', path },
			answer => answer.resume()).on('error', () => {});
		const small = setInterval(() => get('/'), 20);
		const large = setInterval(() => get('/report'), 400);
		setTimeout(() => {
			clearInterval(small);
			clearInterval(large);
			setTimeout(() => {
				server.close();
				worker.terminate();
			}, 400);
		}, 3000);
	});
}

if (isMainThread)
	serve();
else
	parentPort.on('message', compute);
