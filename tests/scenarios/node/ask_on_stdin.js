// SPDX-License-Identifier: Apache-2.0
//
// A program asks on its standard input with readSync, between few timers that come irregularly: all
// of them are one timer of libuv, and they wait.
// expects: blocked_syscall askUser
// says: readSync
// not: unclosed_handles pending_request handle_growth
// load: light

const fs = require('fs');
const cp = require('child_process');

function start() {
	const answers = cp.spawn('sh', ['-c', 'for i in 1 2 3 4; do sleep 0.5; echo yes; done'],
		{stdio: ['ignore', 'pipe', 'ignore'], env: {PATH: process.env.PATH}});
	cp.spawn(process.execPath, [__filename], {
		stdio: [answers.stdout, 'ignore', 'ignore'],
		env: {...process.env, ASKS: '1'}
	}).on('exit', () => process.exit(0));
}

function askUser() {
	fs.readSync(0, Buffer.alloc(256));
}

if (process.env.ASKS) {
	let asked = 0;
	const beat = setInterval(() => {}, 20);
	setTimeout(function prompt() {
		askUser();
		if (++asked < 4)
			setTimeout(prompt, 70);
		else
			clearInterval(beat);
	}, 100);
} else {
	start();
}
