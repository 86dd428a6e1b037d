// SPDX-License-Identifier: Apache-2.0
//
// Each page of rows that is read is kept for a while, without half of its rows: what is kept moves
// about in the heap, and the pauses are garbage collection (nine tenths of the time of fill, by
// --trace-gc).
// expects: gc fill|garbage
// says: arbage

const PAGES = 6;
const ROWS = 500000;
const pages = [];
let turn = 0;

function fill() {
	const rows = [];
	for (let i = 0; i < ROWS; i++) {
		const row = { id: i, turn, next: { of: i }, list: [i, turn] };
		if (i % 2 === 0)
			rows.push(row);
	}
	pages[turn++ % PAGES] = rows;
}

const filling = setInterval(fill, 300);
const tick = setInterval(() => {}, 10);
setTimeout(() => {
	clearInterval(filling);
	clearInterval(tick);
}, 5000);
