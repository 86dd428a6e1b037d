/* SPDX-License-Identifier: Apache-2.0
 *
 * counts.js N FOLDER: does everything N times that makes libuv call back, and prints how often each
 * happened, by uvtrace's names of kinds, as one line of JSON. The end of a stream is a read too.
 * What node does of its own is the same for every N: run.py takes the difference of two runs.
 */
'use strict';

const childProcess = require('child_process');
const crypto = require('crypto');
const dgram = require('dgram');
const dns = require('dns');
const fs = require('fs');
const net = require('net');
const path = require('path');
const { Worker, isMainThread, workerData } = require('worker_threads');

const counts = {};

function count(kind, by = 1) {
	counts[kind] = (counts[kind] || 0) + by;
}

/* A function of node with a callback, as a promise; its callback is counted under `kind`. */
function call(kind, callee, ...args) {
	return new Promise((resolve, reject) => {
		callee(...args, (error, result) => {
			count(kind);
			error ? reject(error) : resolve(result);
		});
	});
}

// ---- Timers ----

async function timers(times) {
	for (let i = 0; i < times; i++)
		await new Promise((resolve) => setTimeout(() => { count('timer'); resolve(); }, 1));
	if (times)
		await new Promise((resolve) => {
			let left = times;
			const interval = setInterval(() => {
				count('timer');
				if (--left === 0) {
					clearInterval(interval);
					resolve();
				}
			}, 1);
		});
}

// ---- Files ----

async function files(times, folder) {
	for (let i = 0; i < times; i++) {
		const name = path.join(folder, `file${i}`);
		const fd = await call('fs_open', fs.open, name, 'w+');
		await call('fs_write', fs.write, fd, Buffer.from('abc'), 0, 3, 0);
		await call('fs_read', fs.read, fd, Buffer.alloc(3), 0, 3, 0);
		await call('fs_fstat', fs.fstat, fd);
		await call('fs_fsync', fs.fsync, fd);
		await call('fs_fdatasync', fs.fdatasync, fd);
		await call('fs_ftruncate', fs.ftruncate, fd, 1);
		await call('fs_fchmod', fs.fchmod, fd, 0o600);
		await call('fs_fchown', fs.fchown, fd, process.getuid(), process.getgid());
		await call('fs_futime', fs.futimes, fd, 1, 1);
		await call('fs_close', fs.close, fd);
		await call('fs_stat', fs.stat, name);
		await call('fs_lstat', fs.lstat, name);
		await call('fs_access', fs.access, name);
		await call('fs_chmod', fs.chmod, name, 0o644);
		await call('fs_chown', fs.chown, name, process.getuid(), process.getgid());
		await call('fs_lchown', fs.lchown, name, process.getuid(), process.getgid());
		await call('fs_utime', fs.utimes, name, 1, 1);
		await call('fs_lutime', fs.lutimes, name, 1, 1);
		await call('fs_copyfile', fs.copyFile, name, `${name}.copy`);
		await call('fs_link', fs.link, name, `${name}.link`);
		await call('fs_symlink', fs.symlink, name, `${name}.symlink`);
		await call('fs_readlink', fs.readlink, `${name}.symlink`);
		await call('fs_realpath', fs.realpath.native, `${name}.symlink`);
		await call('fs_rename', fs.rename, `${name}.copy`, `${name}.renamed`);
		await call('fs_statfs', fs.statfs, folder);
		for (const end of ['', '.link', '.symlink', '.renamed'])
			await call('fs_unlink', fs.unlink, name + end);
		await call('fs_mkdir', fs.mkdir, `${name}.folder`);
		await call('fs_scandir', fs.readdir, `${name}.folder`);
		const dir = await call('fs_opendir', fs.opendir, `${name}.folder`);
		await call('fs_readdir', dir.read.bind(dir));
		await call('fs_closedir', dir.close.bind(dir));
		await call('fs_rmdir', fs.rmdir, `${name}.folder`);
		const made = await call('fs_mkdtemp', fs.mkdtemp, path.join(folder, 'made'));
		await call('fs_rmdir', fs.rmdir, made);
	}
	const stat = () => fs.promises.stat(folder).then(() => count('fs_stat'));
	await Promise.all(Array.from({ length: times }, stat));
}

// ---- The pool ----

async function pool(times) {
	for (let i = 0; i < times; i++) {
		await call('getaddrinfo', dns.lookup, 'localhost');
		await call('getnameinfo', dns.lookupService, '127.0.0.1', 22);
		await call('after_work', crypto.pbkdf2, 'a', 'b', 1, 16, 'sha1');
		await call('after_work', crypto.randomBytes, 16);
	}
}

// ---- Sockets ----

function listening(server, where) {
	return new Promise((resolve) => server.listen(where, () => resolve(server)));
}

/* One client sends a byte, the server sends it back, both end. */
async function stream(times, server, connect) {
	for (let i = 0; i < times; i++)
		await new Promise((resolve, reject) => {
			let left = 2;
			const closed = () => { if (--left === 0) resolve(); };
			server.once('connection', (socket) => {
				count('connection');
				socket.on('data', (data) => { count('read'); socket.end(data); });
				socket.on('end', () => count('read'));
				socket.on('close', closed);
				socket.on('error', reject);
			});
			const client = connect();
			client.on('connect', () => { count('connect'); client.write('x'); });
			client.on('data', () => count('read'));
			client.on('end', () => { count('read'); client.end(); });
			client.on('close', closed);
			client.on('error', reject);
		});
	await new Promise((resolve) => server.close(resolve));
}

async function sockets(times, folder) {
	const tcp = await listening(net.createServer({ allowHalfOpen: false }),
		{ port: 0, host: '127.0.0.1' });
	const { port } = tcp.address();
	await stream(times, tcp, () => net.connect(port, '127.0.0.1'));
	const unix = await listening(net.createServer(), path.join(folder, 'socket'));
	await stream(times, unix, () => net.connect(path.join(folder, 'socket')));
}

async function datagrams(times) {
	const receiver = dgram.createSocket('udp4'), sender = dgram.createSocket('udp4');
	await new Promise((resolve) => receiver.bind(0, '127.0.0.1', resolve));
	for (let i = 0; i < times; i++) {
		const got = new Promise((resolve) => {
			receiver.once('message', () => { count('udp_recv'); resolve(); });
		});
		sender.send(Buffer.from('x'), receiver.address().port, '127.0.0.1');
		await got;
	}
	receiver.close();
	sender.close();
}

// ---- The rest ----

async function children(times) {
	for (let i = 0; i < times; i++)
		await new Promise((resolve) => childProcess.spawn('/bin/true', { stdio: 'ignore' })
			.on('exit', () => { count('process_exit'); resolve(); }));
}

async function signals(times) {
	const keep = setTimeout(() => {}, 1000000); // a signal alone does not keep node alive

	for (let i = 0; i < times; i++)
		await new Promise((resolve) => {
			process.once('SIGUSR2', () => { count('signal'); resolve(); });
			process.kill(process.pid, 'SIGUSR2');
		});
	clearTimeout(keep);
}

/* A change before the first look at the file is none: changes go on until enough were seen. */
async function polled(times, name) {
	let left = times;
	fs.watchFile(name, { interval: 5 }, () => { count('fs_poll'); left--; });
	while (left > 0) {
		await new Promise((resolve) => {
			setTimeout(() => { count('timer'); resolve(); }, 20);
		});
		fs.appendFileSync(name, 'x');
	}
	fs.unwatchFile(name);
}

/* Each change is waited for before the next one is made. */
async function watchers(times, folder) {
	const watched = path.join(folder, 'watched'), name = path.join(folder, 'polled');
	let next;

	fs.mkdirSync(watched);
	fs.writeFileSync(name, '');
	if (times === 0)
		return;
	const watcher = fs.watch(watched, () => { count('fs_event'); next(); });
	for (let i = 0; i < times; i++)
		await new Promise((resolve) => {
			next = resolve;
			fs.mkdirSync(path.join(watched, `${i}`));
		});
	watcher.close();
	await polled(times, name);
}

async function workers(times) {
	for (let i = 0; i < times; i++)
		await new Promise((resolve, reject) => {
			const worker = new Worker(__filename, { workerData: 10 });
			worker.on('message', (done) => count('fs_stat', done));
			worker.on('exit', resolve);
			worker.on('error', reject);
		});
}

async function inWorker(times) {
	for (let i = 0; i < times; i++)
		await new Promise((resolve) => fs.stat('/', resolve));
	require('worker_threads').parentPort.postMessage(times);
}

async function main(times, folder) {
	await timers(times);
	await files(times, folder);
	await pool(times);
	await sockets(times, folder);
	await datagrams(times);
	await children(times);
	await signals(times);
	await watchers(times, folder);
	await workers(Math.min(times, 10));
	process.stdout.write(`${JSON.stringify(counts)}\n`);
}

if (isMainThread)
	main(Number(process.argv[2]), path.resolve(process.argv[3]));
else
	inWorker(workerData);
