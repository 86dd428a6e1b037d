// SPDX-License-Identifier: Apache-2.0
//
// Copies a file of 48 MB through streams, with back-pressure, and once more by fs.copyFile.
// expects: healthy

const fs = require('fs');

const block = Buffer.alloc(1 << 20, 'x');
const made = fs.createWriteStream('from'); // in the scenario's own folder
let blocks = 0;

function more() {
	while (blocks++ < 48)
		if (!made.write(block))
			return made.once('drain', more);
	made.end();
}

made.on('close', () => {
	const copy = fs.createReadStream('from').pipe(fs.createWriteStream('to'));
	copy.on('close', () => fs.copyFile('from', 'again', () => {}));
});
more();
