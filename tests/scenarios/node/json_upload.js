// SPDX-License-Identifier: Apache-2.0
//
// Uploads of a huge JSON document are parsed on the loop.
// expects: blocked_cpu handleUpload
// says: JSON
// never: uv_mutex
// not: hot_loop

const http = require('http');

// Numbers: the parser makes no objects of them that a garbage collection would have to look at.
const text = JSON.stringify(Array.from({ length: 1000000 }, (_, i) => i / 7));

function handleUpload(body) {
	return JSON.parse(body).length;
}

const server = http.createServer((request, response) => {
	let body = '';
	request.setEncoding('latin1');
	request.on('data', part => {
		body += part;
	});
	request.on('end', () => response.end(String(body ? handleUpload(body) : 0)));
});
server.listen(0, '127.0.0.1', () => {
	const at = { port: server.address().port, host: '127.0.0.1' };
	let left = 4;
	const ping = setInterval(() => http.get(at, answer => answer.resume())
		.on('error', () => {}), 20);
	const upload = () => {
		const request = http.request({ ...at, method: 'POST' }, answer => {
			answer.resume();
			answer.on('end', () => {
				if (--left)
					return setTimeout(upload, 200);
				clearInterval(ping);
				server.close();
			});
		});
		request.end(text);
	};
	upload();
});
