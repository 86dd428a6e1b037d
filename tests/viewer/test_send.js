/* SPDX-License-Identifier: Apache-2.0
 *
 * What leaves the page: the link to the view, which docs/page-links.md describes, with its notes; a
 * picture; tables, whose figures are those of analyze_trace.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { analyze, segmentsOf, shown } from './harness.js';
import { NOT_IN_FIREFOX, demo, withDemo } from './page_tools.js';

const NAME = 'render_report';

async function downloaded(page, button) {
	const [file] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
	return fs.readFileSync(await file.path());
}

async function openSend(page) {
	await page.waitForFunction(() => document.activeElement.id === 'timeline');
	await page.keyboard.press('b');
	await page.waitForSelector('#send[open]');
}

/* What is promised there never disappears. */
test('each part of the link stands in its document', () => withDemo(async (page) => {
	const text = fs.readFileSync('docs/page-links.md', 'utf8');
	const rows = text.split('\n').filter((line) => line.startsWith('| `'));
	const named = rows.flatMap((line) => [...line.split('|')[1].matchAll(/`(\w+)`/g)])
		.map(([, name]) => name);
	assert.deepEqual(Object.keys(await shown(page)).sort(), named.sort());
}));

test('notes are pinned by keys, go with the link, and are removed', NOT_IN_FIREFOX, async () => {
	let link;
	await withDemo(async (page) => {
		await openSend(page);
		await page.focus('#note');
		await page.keyboard.type('why so long, & what?');
		await page.keyboard.press('Enter');
		assert.equal(await page.locator('#notes li').count(), 1);
		assert.match(await page.textContent('#notes'), /why so long, & what\?/);
		await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
		await page.click('#copy-link');
		await page.waitForSelector('#message:not([hidden])');
		link = await page.evaluate(() => navigator.clipboard.readText());
		assert.equal(link, await page.evaluate(() => location.href));
	});
	const hash = link.slice(link.indexOf('#'));
	await withDemo(async (page) => {
		const [, ns, text] = /^(-?\d+) (.*)$/.exec((await shown(page)).notes);
		assert.equal(text, 'why so long, & what?');
		assert.ok(Number(ns) > 0);
		await openSend(page);
		await page.click('#notes .action');
		assert.equal((await shown(page)).notes, '');
	}, hash);
});

test('a picture and tables are saved, with the figures of analyze_trace', NOT_IN_FIREFOX,
	() => withDemo(async (page) => {
	const truth = analyze(...segmentsOf(demo));
	await openSend(page);
	const picture = await downloaded(page, '#save-picture');
	assert.equal(picture.subarray(1, 4).toString(), 'PNG');
	assert.ok(picture.length > 5000);
	await page.click('#send-close');
	await page.click('#tab-callbacks');
	await page.click('#send-open');
	const [head, ...lines] = (await downloaded(page, '#save-table')).toString().trim()
		.split('\r\n').map((line) => line.split(','));
	assert.deepEqual(head, ['callback', 'count', 'total_ns', 'p50_ns', 'p99_ns', 'max_ns']);
	assert.equal(lines.length, truth.callbacks.length);
	const row = truth.callbacks.find(({ callback }) => callback === NAME);
	const [, count, total] = lines.find(([name]) => name === NAME);
	assert.deepEqual([Number(count), Number(total)], [row.count, row.total_ns]);
	/* All runs, where these are shown. */
	await page.click('#send-close');
	await page.click(`#panel-callbacks tbody tr:has-text("${NAME}") button`);
	await page.waitForSelector('#runs');
	await page.click('#send-open');
	const runs = (await downloaded(page, '#save-table')).toString().trim().split('\r\n');
	assert.equal(runs.length, row.count + 1);
}));
