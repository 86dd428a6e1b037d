/* SPDX-License-Identifier: Apache-2.0
 *
 * Bad input is said in words, and what there is of it is shown.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
	BUILD, PAGE, STROKE, analyze, closePage, generated, load, openPage, segmentsOf, settle,
	shoot, shown,
} from './harness.js';
import { GOLDEN, browser, demo, figuresOf, strokesOf } from './page_tools.js';

test('what is no trace is said, and the next one can be opened', async () => {
	const page = await openPage(browser.context);
	const nothing = path.join(BUILD, 'viewer-test', 'nothing.bin');
	fs.writeFileSync(nothing, 'this is no trace at all');
	await page.setInputFiles('#pick-files', nothing);
	await page.waitForSelector('#failure:not([hidden])');
	assert.match(await page.textContent('#failure'), /nothing\.bin: not a uvtrace trace/);
	await shoot(page, 'no-trace');
	await load(page, segmentsOf(demo));
	assert.ok(await page.locator('#failure').isHidden());
	await closePage(page);
});

test('of a broken file the rest is shown, and what is wrong', async () => {
	const whole = fs.readFileSync(segmentsOf(generated(400000))[0]);
	const broken = path.join(BUILD, 'viewer-test', 'broken.bin');
	whole.fill(0xa5, 200000, 200400);
	fs.writeFileSync(broken, whole.subarray(0, whole.length * 0.7));
	const page = await openPage(browser.context);
	await load(page, [broken]);
	assert.match(await page.textContent('#panel-findings .warnings'), /broken\.bin: .*damaged/);
	assert.deepEqual((await figuresOf(page)).missing_events, analyze(broken).missing_events);
	await shoot(page, 'broken');
	await closePage(page);
});

test('lost events are drawn as holes', async () => {
	const page = await openPage(browser.context);
	await load(page, [path.join(GOLDEN, 'gap.bin')]);
	const holes = (await strokesOf(page, 1000))
		.filter((stroke) => stroke.type === STROKE.HOLE).length;
	assert.ok(holes > 0);
	await shoot(page, 'holes');
	await closePage(page);
});

test('what is too large is said before it is loaded, and a range of it can be', async () => {
	const folder = generated(400000, '--file-bytes=200000');
	const bytes = segmentsOf(folder).reduce((sum, file) => sum + fs.statSync(file).size, 0);
	const page = await openPage(browser.context, PAGE, `?bytes-max=${Math.round(bytes / 3)}`);
	await page.setInputFiles('#pick-files', segmentsOf(folder));
	await page.waitForSelector('#large[open]');
	assert.match(await page.textContent('#large-text'), /do not fit/);
	await shoot(page, 'too-large');
	const from = await page.inputValue('#large-from'), to = await page.inputValue('#large-to');
	await page.click('#large >> text=Load this range');
	await settle(page);
	const figures = await figuresOf(page), truth = analyze(folder);
	assert.ok(figures.events > 1000 && figures.events < truth.events * 0.6,
		String(figures.events));
	const options = [`--from=${Math.round(Number(from) * 1e9 + 2e6)}ns`,
		`--to=${Math.round(Number(to) * 1e9 - 2e6)}ns`];
	await page.evaluate(
		([a, b]) =>
		window.uvtrace.change({ rangeFrom: a * 1e9 + 2e6, rangeTo: b * 1e9 - 2e6 }),
		[Number(from), Number(to)]);
	await settle(page);
	assert.deepEqual(
		(await figuresOf(page)).callbacks.map((row) => [row.kind, row.count, row.total_ns]),
		analyze(...options, folder).callbacks
		.map((row) => [row.kind, row.count, row.total_ns]));
	await closePage(page);
});
