// SPDX-License-Identifier: Apache-2.0
//
// An interval shall keep step with the clock, but node counts each round from the start of the one
// before. Each comes a little later.
// expects: drift timer|Timer
// severity: note

let rounds = 0;
const interval = setInterval(() => {
	const end = Date.now() + 3;
	while (Date.now() < end)
		;
	if (++rounds === 120)
		clearInterval(interval);
}, 20);
