// SPDX-License-Identifier: Apache-2.0
//
// Debounced events, unref'd timers and a few immediates: nothing that computes.
// expects: healthy
// load: light

let debounce;
let saves = 0;

function changed() {
	clearTimeout(debounce);
	debounce = setTimeout(() => saves++, 50);
}

setInterval(() => {}, 1000).unref();
setTimeout(() => {}, 60000).unref();
const keys = setInterval(() => {
	changed();
	setImmediate(() => {});
}, 30);
setTimeout(() => clearInterval(keys), 2000);
