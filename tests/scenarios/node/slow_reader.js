// SPDX-License-Identifier: Apache-2.0
//
// A service logs to a pipe whose reader is slow: a write stays on its way for seconds.
// expects: write_queue|pending_request|request_growth stdout|AfterUvWrite|uv_write
// severity: any
// stdout: slow 200000
// env: UVTRACE_PENDING_SECONDS=2
// load: light

let count = 0;

function logRequest(number) {
	console.log(JSON.stringify({ level: 'info', request: number, text: 'x'.repeat(300) }));
}

const logging = setInterval(() => {
	for (let i = 0; i < 60; i++)
		logRequest(count++);
}, 20);
setTimeout(() => clearInterval(logging), 1500);
