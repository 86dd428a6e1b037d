/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of JavaScript and Python on the page: in the panel of looks, on the boxes of polls, in
 * tables and in the selection; their sources where analyze_trace --html put them into the page.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BUILD, closePage, openPage, settle } from './harness.js';
import { GOLDEN, browser, figuresOf, textsOf } from './page_tools.js';

const stallTexts = (page) => page.locator('#panel-stalls .stall').allTextContents();

test('a trace that is dropped names the program’s own functions', async () => {
	const page = await openPage(browser.context);
	await page.setInputFiles('#pick-files', path.join(GOLDEN, 'script_js.bin'));
	await settle(page);
	assert.match(await page.textContent('#panel-findings'),
		/renderPage app\.js:23 blocked worker 1 .*computing in countPrimes app\.js:12/);
	const boxes = await textsOf(page); /* a box may be too narrow for all of it */
	assert.ok(boxes.some((text) => text.startsWith('onRequest')), boxes.join());
	await page.click('#tab-stalls');
	const texts = await stallTexts(page);
	const sleeps = 'openat("./fifo") of fs.readFileSync, called by readConfig app.js:53';
	assert.ok(texts.some((text) => text.includes(sleeps)));
	assert.ok(texts.some((text) => text.includes('readFileSync node:fs, about line 435')));
	await page.click('#panel-stalls .stall button >> nth=0');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	assert.match(await page.textContent('#panel-selection'), /Runs\s*onRequest app\.js:84/);
	await closePage(page);
});

const SCRIPT = '/srv/app.js'; // in the golden trace

function crc32c(bytes) {
	let crc = 0xffffffff;
	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++)
			crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc >>> 0;
}

/* The golden trace with another path, as long, of its script. */
function withScript(file) {
	const bytes = fs.readFileSync(path.join(GOLDEN, 'script_js.bin'));
	const at = bytes.indexOf(SCRIPT), begin = bytes.lastIndexOf('UVTB', at);
	const end = begin + 64 + bytes.readUInt32LE(begin + 8);
	assert.equal(file.length, SCRIPT.length);
	bytes.write(file, at);
	bytes.writeUInt32LE(0, begin + 12);
	bytes.writeUInt32LE(crc32c(bytes.subarray(begin, end)), begin + 12);
	return bytes;
}

test('sources of scripts come with the page', async () => {
	const folder = fs.mkdtempSync(path.join(BUILD, 'viewer-test', 'maps-'));
	const html = path.join(folder, 'page.html'), trace = path.join(folder, 'trace.bin');
	const script = `/tmp/${process.pid}`.padEnd(SCRIPT.length, '_').slice(0, SCRIPT.length);
	/* Line 7 was made of line 3 of the source, line 12 of line 5. */
	const map = Buffer.from(JSON.stringify({
		version: 3, sources: ['src/app.ts'], mappings: ';;;;;;AAEA;;;;;AAEA',
	})).toString('base64');
	fs.writeFileSync(script, `\n//# sourceMappingURL=data:application/json;base64,${map}\n`);
	fs.utimesSync(script, new Date(2020, 1, 1), new Date(2020, 1, 1));
	try {
		fs.writeFileSync(trace, withScript(script));
		execFileSync(path.join(BUILD, 'analyze_trace'), [`--html=${html}`, trace]);
	} finally {
		fs.rmSync(script);
	}
	const page = await openPage(browser.context, html);
	await settle(page);
	const { stalls } = await figuresOf(page);
	const [frame] = stalls.find((stall) => stall.frames[0]?.function === 'countPrimes').frames;
	assert.equal(frame.file, '/tmp/src/app.ts');
	assert.equal(frame.line, 5);
	await page.click('#tab-stalls');
	assert.ok((await stallTexts(page)).some((text) => text.includes('countPrimes app.ts:5')));
	await closePage(page);
	fs.rmSync(folder, { recursive: true });
});
