// SPDX-License-Identifier: Apache-2.0
//
// A long computation is done in slices of 2 ms, with setImmediate between them, for a second.
// expects: healthy
// not: spinning

const end = Date.now() + 1000;

function slice() {
	const stop = performance.now() + 2;
	while (performance.now() < stop)
		;
	if (Date.now() < end)
		setImmediate(slice);
}

const { performance } = require('perf_hooks');
slice();
