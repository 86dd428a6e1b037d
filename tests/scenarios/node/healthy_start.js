// SPDX-License-Identifier: Apache-2.0
//
// Loads a dozen of node's own modules, says one line, and ends: a tool of the command line.
// expects: healthy

const names = ['assert', 'crypto', 'dns', 'fs', 'http', 'https', 'net', 'os', 'path', 'stream',
	'url', 'util', 'zlib'];
const sizes = names.map(name => Object.keys(require(name)).length);
console.log(sizes.join(' '));
