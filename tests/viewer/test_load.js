/* SPDX-License-Identifier: Apache-2.0
 *
 * Every way to load a trace: pickers, drops, inside the page; several segments, compressed ones,
 * several processes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
	BUILD, PAGE, analyze, closePage, generated, load, openPage, segmentsOf, settle, shown,
	traced,
} from './harness.js';
import {
	GOLDEN, NOT_IN_FIREFOX, browser, demo, drop, figuresOf, withDemo, withoutNames,
	withoutSentences,
} from './page_tools.js';

test('one file by the picker', () => withDemo(async (page) => {
	const figures = await figuresOf(page);
	assert.equal(figures.events, analyze(demo).events);
	assert.match(await page.textContent('#summary'), /events/);
}));

test('several segments by the picker', async () => {
	const folder = generated(400000, '--file-bytes=200000');
	const page = await openPage(browser.context);
	assert.ok(segmentsOf(folder).length > 2);
	await load(page, segmentsOf(folder));
	assert.equal((await figuresOf(page)).segments, segmentsOf(folder).length);
	assert.deepEqual(withoutNames(await figuresOf(page)), withoutNames(analyze(folder)));
	await closePage(page);
});

test('a folder by the picker', NOT_IN_FIREFOX, async () => {
	const page = await openPage(browser.context);
	await page.setInputFiles('#pick-folder', generated(400000, '--file-bytes=200000'));
	await settle(page);
	assert.equal((await figuresOf(page)).events,
		analyze(generated(400000, '--file-bytes=200000')).events);
	await closePage(page);
});

test('files and a folder by drop', NOT_IN_FIREFOX, async () => {
	const page = await openPage(browser.context);
	await drop(page, segmentsOf(demo));
	await settle(page);
	assert.equal((await figuresOf(page)).events, analyze(demo).events);
	const folder = generated(400000, '--file-bytes=200000');
	await drop(page, [folder]);
	await page.waitForFunction((events) => window.uvtrace.currentFigures()?.events === events,
		analyze(folder).events);
	await settle(page);
	await closePage(page);
});

test('a page with the trace inside, with names and source lines', async () => {
	const file = path.join(BUILD, 'viewer-test', 'demo.html');
	execFileSync(path.join(BUILD, 'analyze_trace'), ['--html', file, demo]);
	const page = await openPage(browser.context, file);
	await settle(page);
	assert.deepEqual(await figuresOf(page), analyze(demo));
	await closePage(page);
});

for (const name of ['echo.bin.gz', 'echo.bin.zst']) {
	test(`a compressed segment, ${name}`, async () => {
		const page = await openPage(browser.context);
		await load(page, [path.join(GOLDEN, name)]);
		assert.deepEqual(withoutNames(await figuresOf(page)),
			withoutNames(analyze(path.join(GOLDEN, 'echo.bin'))));
		await closePage(page);
	});
}

/* Larger than one piece of what is inflated at a time, and by whom the browser knows nothing of
 * zstd. */
test('a large segment, by gzip and zstd, without the browser’s help', async () => {
	const [whole] = segmentsOf(generated(2000000, '--file-bytes=100000000'));
	for (const [tool, ending] of [['gzip', 'gz'], ['zstd', 'zst']]) {
		const packed = path.join(BUILD, 'viewer-test', `large.bin.${ending}`);
		execFileSync('sh', ['-c', `${tool} -c "${whole}" > "${packed}"`]);
		const page = await openPage(browser.context);
		await load(page, [packed]);
		assert.deepEqual(withoutNames(await figuresOf(page)), withoutNames(analyze(whole)));
		await closePage(page);
	}
	assert.ok(fs.readFileSync(PAGE, 'utf8').includes('fzstd'));
});

test('of a compressed segment that is cut off the rest is shown', async () => {
	for (const ending of ['gz', 'zst']) {
		const whole = fs.readFileSync(
			path.join(BUILD, 'viewer-test', `large.bin.${ending}`));
		const cut = path.join(BUILD, 'viewer-test', `half.bin.${ending}`);
		fs.writeFileSync(cut, whole.subarray(0, whole.length / 2));
		const page = await openPage(browser.context);
		await load(page, [cut]);
		assert.match(await page.textContent('#panel-findings .warnings'),
			/the compressed data is damaged or cut off/);
		const found = (await figuresOf(page)).events, truth = analyze(cut).events;
		assert.ok(found > 0 && found <= truth && found > truth * 0.9,
			`${found} of ${truth}`);
		await closePage(page);
	}
});

test('several processes: one is shown, the others can be', async () => {
	const other = traced('examples/marked_requests');
	const both = path.join(BUILD, 'viewer-test', 'both');
	fs.rmSync(both, { recursive: true, force: true });
	fs.mkdirSync(both);
	for (const file of [...segmentsOf(demo), ...segmentsOf(other)])
		fs.copyFileSync(file,
			path.join(both, path.basename(path.dirname(file)) + '-' +
			path.basename(file)));
	const { processes: truth } = analyze(both);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(both));
	await settle(page);
	assert.equal(await page.locator('#process option').count(), 2,
		await page.textContent('#process'));
	for (const index of [1, 0]) {
		await page.selectOption('#process', String(index));
		await page.waitForFunction((pid) => window.uvtrace.currentFigures()?.pid === pid &&
			window.uvtrace.view.process, truth[index].pid);
		await settle(page);
		assert.deepEqual(withoutSentences(await figuresOf(page)),
			withoutSentences(truth[index]));
		assert.equal((await shown(page)).process, index);
	}
	await closePage(page);
});
