// SPDX-License-Identifier: Apache-2.0
//
// A program waits for a flag by setImmediate over and over: a CPU at 100 %.
// expects: spinning poll|Immediate|_FUN
// says: setImmediate
// not: hot_loop
// never: StartProfilerIdleNotifier
// env: UVTRACE_RING_SIZE=16M

let ready = false;
setTimeout(() => {
	ready = true;
}, 2000);

function poll() {
	if (!ready)
		setImmediate(poll);
}

poll();
