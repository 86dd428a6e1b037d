// SPDX-License-Identifier: Apache-2.0
//
// A cache keeps millions of small objects alive: garbage collections get long.
// expects: gc fill|garbage
// says: arbage

const cache = new Map();
let id = 0;

function fill() {
	for (let i = 0; i < 12000; i++) {
		cache.set(id, { id, next: { v: id, s: `k${id}` }, list: [id, id + 1] });
		id++;
		if (id > 900000)
			cache.delete(id - 900000);
	}
}

const filling = setInterval(fill, 10);
const tick = setInterval(() => {}, 10);
setTimeout(() => {
	clearInterval(filling);
	clearInterval(tick);
}, 5000);
