// SPDX-License-Identifier: Apache-2.0
//
// An interval of 10 ms whose work takes 12 ms cannot keep step. No round comes early for it.
// expects: healthy
// not: early_timers hot_loop

let rounds = 0;
const interval = setInterval(() => {
	const end = performance.now() + 12;
	while (performance.now() < end)
		;
	if (++rounds === 150)
		clearInterval(interval);
}, 10);
