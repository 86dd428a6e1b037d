/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the formats for other tools share: traces to export, and those tools' own code
 * to read what came of it. BUILD is the build folder; the packages lie in BUILD/exports-test.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

export const BUILD = path.resolve(process.env.BUILD || 'build');
export const require = createRequire(path.join(BUILD, 'exports-test', 'package.json'));
const LARGEST = 1 << 28; /* bytes of output */

const folders = [];

export function removeFolders() {
	for (const folder of folders)
		fs.rmSync(folder, { recursive: true, force: true });
}

export function makeFolder() {
	const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'exports-test-'));
	folders.push(folder);
	return folder;
}

/* Runs a tool; what it printed, as bytes. It must say nothing on standard error. */
export function run(program, ...options) {
	const { status, stdout, stderr } = spawnSync(path.join(BUILD, program), options,
		{ maxBuffer: LARGEST });
	if (status !== 0 || stderr.length > 0)
		throw new Error(`${program} ${options.join(' ')}: ${status} ${stderr}`);
	return stdout;
}

export const analyze = (...options) => run('analyze_trace', ...options);
export const report = (...options) => JSON.parse(analyze('--json', ...options));
export const lines = (...options) =>
	run('trace_to_jsonl', ...options).toString().trimEnd().split('\n')
		.map((line) => JSON.parse(line));

/* A synthetic trace: {folder, truth}. */
export function generate(...options) {
	const folder = makeFolder();
	const truth = execFileSync(path.join(BUILD, 'bench/generate_trace'), [...options, folder]);
	return { folder, truth: JSON.parse(truth) };
}

/* A fixture under the preload, in a folder of its own: {folder, truth}, the truth being what the
 * fixture said of itself. */
export function trace(program, args = [], settings = {}) {
	const folder = makeFolder();
	const { status, stdout, stderr } = spawnSync(path.join(BUILD, program), args, {
		cwd: folder,
		maxBuffer: LARGEST,
		env: { ...process.env, LD_PRELOAD: path.join(BUILD, 'libtrace.so'),
			UVTRACE_PATH: path.join(folder, 'trace.bin'), ...settings },
	});
	if (status !== 0)
		throw new Error(`${program}: ${status} ${stderr}`);
	return { folder, truth: stdout.toString() };
}

/* The files of several runs of a fixture, in one folder. */
export function traceTwice(program) {
	const both = makeFolder();
	for (const name of ['one', 'two']) {
		const { folder } = trace(program);
		for (const file of fs.readdirSync(folder).filter((one) => one.endsWith('.bin')))
			fs.copyFileSync(path.join(folder, file), path.join(both, name + file));
	}
	return both;
}

export const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

export function groupBy(list, key) {
	const groups = new Map();
	for (const one of list)
		groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
	return groups;
}
