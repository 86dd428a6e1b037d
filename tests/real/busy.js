/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer's function calls another, and that one a third, which computes for far too long. Prints
 * the lines of the three. Knows nothing of tracing.
 */
'use strict';

const line = () => Number(/:(\d+):\d+\)?$/.exec(new Error().stack.split('\n')[2])[1]);
const lines = [];
let runs = 0;

function countPrimes(most) { lines[0] = line();
	let count = 0;
	for (let number = 2; number < most; number++) {
		let prime = true;
		for (let by = 2; by * by <= number && prime; by++)
			prime = number % by !== 0;
		count += prime ? 1 : 0;
	}
	return count;
}

function renderPage(size) { lines[1] = line();
	return countPrimes(size);
}

const timer = setInterval(function everyMoment() { lines[2] = line();
	renderPage(600000);
	if (++runs === 4) {
		clearInterval(timer);
		console.log(lines.join(' '));
	}
}, 20);
