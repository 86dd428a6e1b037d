// SPDX-License-Identifier: Apache-2.0
//
// A burst of logins hashes passwords on the pool; files are read meanwhile. The work computes: more
// threads than CPUs do not help.
// expects: pool_cpu work
// never: UV_THREADPOOL_SIZE=12
// cpus: 2

const crypto = require('crypto');
const fs = require('fs');

function login() {
	for (let i = 0; i < 10; i++)
		crypto.pbkdf2('secret', `salt${i}`, 15000, 64, 'sha512', () => {});
}

const logins = setInterval(login, 400);
const pages = setInterval(() => fs.readFile(__filename, () => {}), 40);
setTimeout(() => {
	clearInterval(logins);
	clearInterval(pages);
}, 2500);
