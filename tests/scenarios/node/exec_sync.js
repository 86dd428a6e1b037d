// SPDX-License-Identifier: Apache-2.0
//
// A request handler asks another program and waits for it with execFileSync.
// expects: nested_loop|blocked_syscall readVersion
// says: execFileSync | spawnSync
// not: blocked_cpu
// load: light

const cp = require('child_process');

function readVersion() {
	return cp.execFileSync('sh', ['-c', 'sleep 0.25; echo 1']);
}

const tick = setInterval(() => {}, 20);
const asking = setInterval(readVersion, 500);
setTimeout(() => {
	clearInterval(asking);
	clearInterval(tick);
}, 2800);
