// SPDX-License-Identifier: Apache-2.0
//
// A service in a container with a limit of CPU time: two worker threads compute, answers are late.
// expects: throttled quota
// quota: 40000 100000
// never: pthread_cond

const http = require('http');
const { Worker, isMainThread, parentPort } = require('worker_threads');

function compute() {
	const end = Date.now() + 60;
	while (Date.now() < end)
		;
	parentPort.postMessage(1);
}

function serve() {
	const workers = [1, 2].map(() => new Worker(__filename));
	const server = http.createServer((request, response) => {
		workers.forEach(worker => worker.postMessage(1));
		let sum = 0;
		for (let i = 0; i < 2e5; i++)
			sum += Math.sqrt(i);
		response.end(String(sum));
	});
	server.listen(0, '127.0.0.1', () => {
		const at = { port: server.address().port, host: '127.0.0.1' };
		const asking = setInterval(() => http.get(at, answer => answer.resume())
			.on('error', () => {}), 100);
		setTimeout(() => {
			clearInterval(asking);
			server.close();
			workers.forEach(worker => worker.terminate());
		}, 4000);
	});
}

if (isMainThread)
	serve();
else
	parentPort.on('message', compute);
