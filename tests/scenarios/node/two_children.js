// SPDX-License-Identifier: Apache-2.0
//
// Two handlers ask other programs and wait for them: one that takes long, and one that takes less.
// Each is told by its own name.
// expects: nested_loop|blocked_syscall buildImage
// says: spawnSync
// says: 3 runs of
// not: blocked_cpu
// load: light

const cp = require('child_process');

function buildImage() {
	return cp.spawnSync('sh', ['-c', 'sleep 0.25']);
}

function packFiles() {
	return cp.execSync('sleep 0.12; echo 1');
}

const tick = setInterval(() => {}, 20);
const building = setInterval(buildImage, 800);
let packing;
setTimeout(() => packing = setInterval(packFiles, 800), 350);
setTimeout(() => {
	clearInterval(building);
	clearInterval(packing);
	clearInterval(tick);
}, 2900);
