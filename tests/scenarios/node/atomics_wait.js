// SPDX-License-Identifier: Apache-2.0
//
// The main thread waits for a worker with Atomics.wait.
// expects: blocked_syscall|blocked_lock callWorkerSync
// says: Atomics
// never: libuv's asynchronous call

const { Worker, isMainThread, workerData } = require('worker_threads');

function answer() {
	const flag = new Int32Array(workerData);
	setInterval(() => {
		Atomics.store(flag, 0, 1);
		Atomics.notify(flag, 0);
	}, 300);
	setTimeout(() => process.exit(), 2500);
}

function ask() {
	const memory = new SharedArrayBuffer(4);
	const flag = new Int32Array(memory);
	new Worker(__filename, { workerData: memory });

	function callWorkerSync() {
		Atomics.store(flag, 0, 0);
		Atomics.wait(flag, 0, 0, 1000);
	}

	const asking = setInterval(callWorkerSync, 400);
	const tick = setInterval(() => {}, 20);
	setTimeout(() => {
		clearInterval(asking);
		clearInterval(tick);
	}, 2200);
}

if (isMainThread)
	ask();
else
	answer();
