// SPDX-License-Identifier: Apache-2.0
//
// An interval of 1 ms shall keep step with the clock, but node counts each round from the start of
// the one before. The kernel wakes it a part of a ms after each: by the script's own clock 2000
// rounds take about 0.2 s longer.
// expects: drift timer|Timer
// severity: note

let rounds = 0;
const interval = setInterval(() => {
	if (++rounds === 2000)
		clearInterval(interval);
}, 1);
