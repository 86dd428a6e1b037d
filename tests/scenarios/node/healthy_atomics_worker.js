// SPDX-License-Identifier: Apache-2.0
//
// A worker thread waits for its tasks with Atomics.wait, as it may; the main thread serves timers.
// expects: healthy
// load: light

const {Worker, isMainThread, workerData} = require('worker_threads');

function main() {
	const tasks = new Int32Array(new SharedArrayBuffer(4));
	const worker = new Worker(__filename, {workerData: tasks.buffer});
	let task = 0;
	const timer = setInterval(() => {
		Atomics.store(tasks, 0, ++task < 18 ? task : -1);
		Atomics.notify(tasks, 0);
	}, 120);
	worker.on('exit', () => clearInterval(timer));
}

function takeTasks() {
	const tasks = new Int32Array(workerData);
	for (let seen = 0; seen >= 0; seen = Atomics.load(tasks, 0)) {
		for (let i = 0; i < 1e6; i++)
			;
		Atomics.wait(tasks, 0, seen);
	}
	process.exit(0);
}

if (isMainThread)
	main();
else
	setTimeout(takeTasks, 10);
