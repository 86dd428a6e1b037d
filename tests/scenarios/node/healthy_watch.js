// SPDX-License-Identifier: Apache-2.0
//
// Watches a folder while files in it are written, renamed and removed.
// expects: healthy
// load: light

const fs = require('fs');

fs.mkdirSync('watched');
const watcher = fs.watch('watched', () => {});
let files = 0;
const writing = setInterval(() => {
	const name = `watched/f${files++}`;
	fs.writeFile(name, 'text', () => fs.rename(name, `${name}.new`,
		() => fs.unlink(`${name}.new`, () => {})));
}, 25);
setTimeout(() => {
	clearInterval(writing);
	setTimeout(() => watcher.close(), 100);
}, 2000);
