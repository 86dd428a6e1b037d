// SPDX-License-Identifier: Apache-2.0
//
// Compresses pieces of text with zlib's asynchronous calls, one after the other.
// expects: healthy

const zlib = require('zlib');

const text = 'some words and others '.repeat(4000);
let left = 60;

function next() {
	zlib.gzip(text, () => --left && setTimeout(next, 10));
}

next();
