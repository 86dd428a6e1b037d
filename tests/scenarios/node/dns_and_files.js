// SPDX-License-Identifier: Apache-2.0
//
// Many lookups of names at a server that does not answer; files are read meanwhile.
// expects: pool_dns getaddrinfo
// not: blocked_syscall blocked_cpu blocked
// needs: silent_dns
// load: light

const dns = require('dns');
const fs = require('fs');

for (let i = 0; i < 24; i++)
	dns.lookup(`host${i}.example.test`, () => {});
setInterval(() => fs.readFile('/etc/hostname', () => {}), 50);
setTimeout(() => process.exit(0), 6000);
