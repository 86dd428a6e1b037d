/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures that the page shows are those of analyze_trace, for the whole trace or a range, with
 * any thresholds.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BUILD, analyze, closePage, openPage, settle, shown } from './harness.js';
import {
	GOLDEN, browser, demo, figuresOf, withDemo, withoutNames, withoutSentences,
} from './page_tools.js';

for (const name of fs.readdirSync(GOLDEN).filter((one) => one.endsWith('.bin'))) {
	test(`golden ${name}: the figures of analyze_trace, or what is wrong`, async () => {
		const page = await openPage(browser.context);
		let truth = null;
		try {
			const stdio = ['ignore', 'pipe', 'ignore'];
			truth = JSON.parse(execFileSync(path.join(BUILD, 'analyze_trace'),
				['--json', name], { cwd: GOLDEN, encoding: 'utf8', stdio }));
		} catch (error) {
			assert.equal(error.status, 1);
		}
		await page.setInputFiles('#pick-files', path.join(GOLDEN, name));
		if (truth) {
			await settle(page);
			/* Frames, and the sentences made of them, need the program's files,
			 * which a page has not. */
			const comparable = truth.stalls.length > 0 ? withoutSentences
				: withoutNames;
			assert.deepEqual(comparable(await figuresOf(page)), comparable(truth));
			for (const problem of truth.problems)
				assert.ok((await page.textContent('#panel-findings')).includes(
					problem), problem);
		} else {
			await page.waitForSelector('#failure:not([hidden])');
			assert.match(await page.textContent('#failure'), new RegExp(name));
		}
		await closePage(page);
	});
}

test('the figures of a range are those of --from and --to', async () => {
	const file = path.join(BUILD, 'viewer-test', 'range.html');
	execFileSync(path.join(BUILD, 'analyze_trace'), ['--html', file, demo]);
	const page = await openPage(browser.context, file);
	await settle(page);
	const range = { rangeFrom: 20000000, rangeTo: 110000000 };
	await page.evaluate((values) => window.uvtrace.change(values), range);
	await settle(page);
	assert.deepEqual(await figuresOf(page),
		analyze(`--from=${range.rangeFrom}ns`, `--to=${range.rangeTo}ns`, demo));
	await page.click('#range >> text=All');
	await settle(page);
	assert.deepEqual(await figuresOf(page), analyze(demo));
	await closePage(page);
});

test('thresholds are those of --long-poll and --idle', () => withDemo(async (page) => {
	await page.locator('#long').fill('15');
	await page.locator('#idle').fill('20');
	await settle(page);
	const { long, idle } = await shown(page);
	assert.notEqual(long, 1e6);
	const figures = await figuresOf(page),
		truth = analyze(`--long-poll=${long}ns`, `--idle=${idle}ns`, demo);
	assert.equal(figures.long_poll_count, truth.long_poll_count);
	assert.equal(figures.idle_period_count, truth.idle_period_count);
}));

test('tables show and sort the figures', () => withDemo(async (page) => {
	const truth = analyze(demo);
	await page.click('#tab-callbacks');
	assert.equal(await page.locator('#panel-callbacks tbody tr').count(),
		truth.callbacks.length);
	for (const key of ['count', 'total_ns', 'p50_ns', 'p99_ns', 'max_ns']) {
		await page.click(`#panel-callbacks [data-key=${key}]`);
		const least = await page.locator(
			'#panel-callbacks th[aria-sort=ascending]').count();
		const first = await page.locator(
			'#panel-callbacks tbody tr:first-child').textContent();
		const values = truth.callbacks.map((row) => row[key]);
		const wanted = (least ? Math.min : Math.max)(...values);
		if (key === 'count')
			assert.ok(first.includes(wanted.toLocaleString('en-US')), first);
		const head = `th[aria-sort=${least ? 'ascending' : 'descending'}]`;
		const sorted = page.locator(`#panel-callbacks ${head} [data-key=${key}]`);
		assert.equal(await sorted.count(), 1);
	}
	await page.click('#tab-workers');
	assert.equal(await page.locator('#panel-workers tbody tr').count(), truth.workers.length);
}));

test('figures of a range that was given up do not come late', () => withDemo(async (page) => {
	const whole = await figuresOf(page);
	await page.evaluate(async () => {
		const { view, change, ask } = window.uvtrace;
		const { start_ns: from, end_ns: to } = view.process;
		change({ rangeFrom: from, rangeTo: (from + to) / 2 });
		change({ rangeFrom: null, rangeTo: null });
		await ask('follow', { object: 1 });
		await ask('follow', { object: 1 }); // the figures were asked for before
	});
	assert.deepEqual(await figuresOf(page), whole);
}));
