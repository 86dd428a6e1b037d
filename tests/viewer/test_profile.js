/* SPDX-License-Identifier: Apache-2.0
 *
 * The panel of the profile (UVTRACE_SAMPLE_HZ): its boxes stand for what analyze_trace says, are
 * zoomed and chosen by hand and by keys, and are as accessible as the rest; native functions are
 * there in a page that analyze_trace --html wrote.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before as beforeAll, test } from 'node:test';
import {
	AXE, BUILD, PAGE, analyze, closePage, load, openBrowser, openPage, segmentsOf, settle,
	shoot, traced,
} from './harness.js';
import { NOT_IN_FIREFOX, browser, figuresOf, withDemo } from './page_tools.js';

let busy, html;

beforeAll(() => {
	busy = traced('fixtures/busy', { UVTRACE_SAMPLE_HZ: '199', UVTRACE_STALL_MS: '0',
		UVTRACE_ROTATE_SECONDS: '1' }, ['400']);
	html = path.join(busy, 'page.html');
	execFileSync(path.join(BUILD, 'analyze_trace'),
		[`--html=${html}`, ...segmentsOf(busy)]);
});

async function withProfile(body) {
	const page = await openPage(browser.context, html);
	await settle(page);
	await page.click('#tab-profile');
	await body(page);
	await closePage(page);
}

const labels = (page) => page.locator('#flame .box').allTextContents();
const boxesOf = (page, name) =>
	page.locator('#flame .box', { hasText: new RegExp(`^${name}`) });
const boxOf = (page, name) => boxesOf(page, name).first();
const told = (page) => page.textContent('#flame-told');

/* The share of the graph that the boxes of a name take. */
async function shareOf(page, name) {
	const widths = await boxesOf(page, name)
		.evaluateAll((boxes) => boxes.map((box) => box.getBoundingClientRect().width));
	const graph = await page.locator('#flame').boundingBox();
	return widths.reduce((sum, width) => sum + width, 0) / graph.width;
}

/* Lines "profile;KIND;CALLBACK;FUNCTION;... US". */
function stacksOf(...files) {
	return execFileSync(path.join(BUILD, 'analyze_trace'), ['--collapsed', ...files],
		{ encoding: 'utf8' }).split('\n').filter((line) => line.startsWith('profile;'));
}

/* "LEVEL NAME" of each callback and function in these stacks, once. */
function levelsOf(stacks) {
	const levels = stacks.flatMap((line) => {
		const [, kind, callback, ...functions] = line.replace(/ \d+$/, '').split(';');
		/* Of a sample whose callback began in another part nothing is known. */
		const outermost = kind === '(unknown)' ? callback : `${kind} ${callback}`;
		return [outermost, ...functions].map((name, at) => `${at + 2} ${name}`);
	});
	return [...new Set(levels)].sort();
}

/* The same of the boxes, without the one of all callbacks. */
async function levelsOfBoxes(page) {
	const levels = await page.locator('#flame .box').evaluateAll((boxes) =>
		boxes.map((box) => `${box.getAttribute('aria-level')} ${box.textContent}`));
	return [...new Set(levels.slice(1))].sort();
}

/* The time in one kind of callback that collapsed stacks with a function stand for, in us. */
function collapsedOf(...parts) {
	return stacksOf(...segmentsOf(busy))
		.filter((line) => parts.every((part) => line.includes(part)))
		.reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
}

test('a trace without a profile has no such panel', () => withDemo(async (page) => {
	assert.equal(await page.locator('#tab-profile').isVisible(), false);
	await page.focus('#tab-stalls');
	await page.keyboard.press('Enter');
	await page.keyboard.press('ArrowRight');
	assert.equal(await page.evaluate(() => window.uvtrace.state.tab), 'requests');
}));

test('a link to the panel shows findings where there is no profile', () =>
	withDemo(async (page) => {
		await page.waitForFunction(() => window.uvtrace.state.tab === 'findings');
		assert.ok(await page.locator('#panel-findings').isVisible());
	}, '#tab=profile'));

test('a part of the trace has the stacks of its own samples', () => withProfile(async (page) => {
	const files = segmentsOf(busy);
	const last = files.findLast((file) => stacksOf(file).length > 0);
	assert.ok(files.length > 1 && last !== files[0]);
	await load(page, [last]);
	await settle(page);
	assert.deepEqual((await figuresOf(page)).profile, analyze(last).profile);
	await page.click('#tab-profile');
	assert.deepEqual(await levelsOfBoxes(page), levelsOf(stacksOf(last)));
}));

test('boxes are as wide as their time, and the figures those of analyze_trace', () =>
	withProfile(async (page) => {
		const { profile } = analyze(...segmentsOf(busy));
		assert.deepEqual((await figuresOf(page)).profile, profile);
		assert.match(await page.textContent('#panel-profile'),
			new RegExp(`${profile.samples} samples at 199 Hz`));
		const all = collapsedOf(), parse = collapsedOf('timer;on_tick', ';parse');
		assert.ok(parse > 0);
		const share = await shareOf(page, 'parse');
		assert.ok(Math.abs(share - parse / all) < 0.02, `${share}, not ${parse / all}`);
		assert.ok((await shareOf(page, 'timer on_tick')) > 0.9);
	}));

test('the pointer and the focus tell name, time, share and samples', () =>
	withProfile(async (page) => {
		await boxOf(page, 'render').hover();
		const text = /^render: \d[\d.]* m?s, \d+\.\d %, \d+ samples?$/;
		assert.match(await told(page), text);
		assert.match(await boxOf(page, 'render').getAttribute('aria-label'), text);
		await boxOf(page, 'parse').focus();
		assert.match(await told(page), /^parse: /);
	}));

test('a click zooms, Escape goes back', () => withProfile(async (page) => {
	const first = await labels(page);
	await boxOf(page, 'parse').click();
	assert.ok((await shareOf(page, 'parse')) > 0.99);
	assert.ok(!(await labels(page)).includes('render'));
	await page.keyboard.press('Escape');
	assert.deepEqual(await labels(page), first);
	assert.match(await told(page), /^parse: /);
}));

test('arrows go through the tree, Enter zooms', () => withProfile(async (page) => {
	await page.focus('#flame-filter');
	await page.keyboard.press('Tab');
	assert.match(await told(page), /^All callbacks: /);
	await page.keyboard.press('ArrowDown');
	assert.match(await told(page), /^timer on_tick busy\.c:\d+: /);
	await boxOf(page, 'parse').focus();
	await page.keyboard.press('ArrowUp');
	const parent = (await told(page)).split(':')[0];
	assert.match(parent, /^timer on_tick|^on_tick/);
	await boxOf(page, 'render').focus();
	await page.keyboard.press('ArrowLeft');
	assert.match(await told(page), /^parse: /);
	await page.keyboard.press('Enter');
	assert.ok((await shareOf(page, 'parse')) > 0.99);
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'parse');
}));

test('a callback and a function are chosen', () => withProfile(async (page) => {
	await page.fill('#flame-filter', 'REND');
	const found = await labels(page);
	assert.ok(found.includes('render') && !found.includes('parse'), found.join());
	const render = collapsedOf('timer;on_tick', ';render'), all = collapsedOf();
	const share = Number(/, ([\d.]+) %/.exec(await told(page))[1]) / 100;
	assert.ok(Math.abs(share - render / all) < 0.01, `${share}, not ${render / all}`);
	await page.fill('#flame-filter', 'nothing is called so');
	assert.deepEqual(await labels(page), ['All callbacks']);
	await page.fill('#flame-filter', '');
	const callback = await boxOf(page, 'timer on_tick').textContent();
	await page.selectOption('#flame-callback', callback);
	const roots = await page.locator('#flame .box[aria-level="2"]').allTextContents();
	assert.deepEqual(roots, [callback]);
}));

test('a range has the profile of the range', () => withProfile(async (page) => {
	const whole = (await figuresOf(page)).profile.samples;
	const [from, to] = await page.evaluate(() => {
		const { start_ns: start, end_ns: end } = window.uvtrace.view.process;
		return [start, start + (end - start) / 3];
	});
	const seen = await page.evaluate(() => document.documentElement.dataset.figures);
	await page.evaluate((range) => window.uvtrace.change(range),
		{ rangeFrom: from, rangeTo: to });
	await page.waitForFunction((before) =>
		document.documentElement.dataset.figures !== before, seen);
	const { samples } = (await figuresOf(page)).profile;
	assert.ok(samples > 0 && samples < whole / 2, `${samples} of ${whole}`);
	assert.match(await told(page), new RegExp(`, ${samples} samples?$`));
}));

/* Has the panel show this tree. */
async function showTree(page, nodes) {
	const seen = await page.evaluate(() => document.documentElement.dataset.figures);
	await page.evaluate((flame) => {
		window.uvtrace.view.process.flame = flame;
		window.uvtrace.change({ long: 2e6 });
		window.uvtrace.change({ long: 1e6 });
	}, nodes);
	await page.waitForFunction((before) =>
		document.documentElement.dataset.figures !== before, seen);
}

test('what is merged is said, functions of scripts are told apart', () =>
	withProfile(async (page) => {
		const node = { kind: null, scanned: false, script: false, branches: 0, samples: 1 };
		await showTree(page, [
			{ ...node, depth: 0, kind: 'timer', name: 'onTick', ns: 4e6 },
			{ ...node, depth: 1, name: 'count app.js:12', script: true, ns: 3e6 },
			{ ...node, depth: 2, name: 'left', scanned: true, ns: 3e6 },
			{ ...node, depth: 1, name: null, branches: 1234, ns: 1e6 },
			{ ...node, depth: 0, kind: '', name: '(unknown)', ns: 4e6 },
		]);
		assert.deepEqual(await labels(page), ['All callbacks', 'timer onTick',
			'count app.js:12', '? left', '(other)', '(unknown)']);
		assert.match(await page.textContent('#panel-profile'), /“\(other\)”: 1,234\./);
		assert.equal(await page.locator('#flame .script').textContent(), 'count app.js:12');
		assert.equal(await page.locator('#flame .other').textContent(), '(other)');
		await boxOf(page, '\\(other').hover();
		assert.match(await told(page), /^\(other\), 1,234 merged: 1\.00 ms, 12\.5 %, /);
		await boxOf(page, '\\? left').hover();
		assert.match(await told(page), /may be left over from an earlier call$/);
	}));

test('a trace that is dropped has callbacks, without native functions', async () => {
	const page = await openPage(browser.context, PAGE);
	await load(page, segmentsOf(busy));
	await page.click('#tab-profile');
	const found = await labels(page);
	assert.ok(found.some((label) => label.startsWith('timer ')), found.join());
	assert.ok(!found.includes('parse'), found.join());
	await closePage(page);
});

for (const theme of ['light', 'dark']) {
	test(`axe finds nothing to complain of, ${theme}`, NOT_IN_FIREFOX, async () => {
		const one = await openBrowser({ colorScheme: theme });
		const page = await openPage(one.context, html);
		await page.context().newCDPSession(page)
			.then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true }));
		await page.reload();
		await settle(page);
		await page.click('#tab-profile');
		await shoot(page, `profile-${theme}`);
		for (const zoomed of [false, true]) {
			if (zoomed)
				await boxOf(page, 'parse').click();
			const found = await page.evaluate(async (source) => {
				if (!window.axe)
					new Function(source).call(window);
				const { violations } = await window.axe.run(document);
				return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);
			}, AXE);
			assert.deepEqual(found, []);
		}
		await closePage(page);
		await one.close();
	});
}
