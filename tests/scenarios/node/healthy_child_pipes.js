// SPDX-License-Identifier: Apache-2.0
//
// Programs are started one after the other, and what they say is read as it comes.
// expects: healthy
// load: light

const cp = require('child_process');

let left = 12;

function next() {
	const child = cp.spawn('sh', ['-c', 'cat; echo done']);
	child.stdout.on('data', () => {});
	child.on('close', () => --left && setTimeout(next, 60));
	child.stdin.end('some words\n');
}

next();
