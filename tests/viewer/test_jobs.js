/* SPDX-License-Identifier: Apache-2.0
 *
 * The questions that people bring to the page: all runs of a callback, who waited behind one, one
 * iteration of a loop, what blocked the loop. Each is answered by the mouse and by the keys alone,
 * and what the page says is what analyze_trace says.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { before, test } from 'node:test';
import {
	BUILD, analyze, calm, closePage, load, openPage, segmentsOf, settle, shoot, shown,
	traced,
} from './harness.js';
import { browser, colorAt, showPoll, spotOf, withDemo } from './page_tools.js';

const NAME = 'render_report';
let demo, truth, row;

before(() => {
	demo = traced('examples/telemetry_demo');
	truth = analyze(...segmentsOf(demo));
	row = truth.callbacks.find(({ callback }) => callback === NAME);
});

/* Tab stops until the focus is where the text is, then Enter. */
async function tabTo(page, isIt) {
	for (let i = 0; i < 80; i++) {
		await page.keyboard.press('Tab');
		const text = await page.evaluate(() => document.activeElement.textContent);
		if (isIt(text))
			return;
	}
	assert.fail('no such tab stop');
}

/* The page takes the focus once all is shown; then keys are for it. */
function ready(page) {
	return page.waitForFunction(() => document.activeElement.id === 'timeline');
}

/* By the arrow keys. */
async function goToTab(page, name) {
	await ready(page);
	const { tab } = await shown(page);
	await page.focus(`#tab-${tab}`);
	for (let tries = 0; tries < 12 && (await shown(page)).tab !== name; tries++)
		await page.keyboard.press('ArrowRight');
	assert.equal((await shown(page)).tab, name);
}

function runsOf(page) {
	return page.evaluate(() => window.uvtrace.view.runs);
}

async function checkRuns(page) {
	await page.waitForSelector('#runs');
	const { rows, seen, ns } = await runsOf(page);
	assert.equal(seen, row.count);
	assert.equal(ns, row.total_ns);
	assert.equal(rows.length, row.count);
	/* By the clock of its moment, and by the mean rate. */
	assert.ok(Math.abs(rows[0].duration_ns / row.max_ns - 1) < 1e-5);
	const listed = truth.long_polls.filter(({ callback }) => callback === NAME)
		.map((poll) => poll.start_ns).sort();
	assert.deepEqual(rows.map((one) => one.start_ns).sort(), listed);
}

test('all runs of a callback, by the mouse', () => withDemo(async (page) => {
	await page.click('#tab-callbacks');
	await page.click(`#panel-callbacks tbody tr:has-text("${NAME}") button`);
	await checkRuns(page);
	assert.equal(await page.locator('#runs ol.rows li').count(), row.count);
	assert.equal(await page.locator('#runs .dots rect').count(), row.count);
	const handles = page.locator('[data-table=handles] tbody tr');
	const counts = await handles.locator('td:nth-child(2)').allTextContents();
	assert.equal(counts.reduce((sum, one) => sum + Number(one), 0), row.count);
	await shoot(page, 'runs');
	/* The brush takes one end, then a run is gone to. */
	const before = (await runsOf(page)).rows;
	const slowest = before[0];
	await page.locator('#runs-distribution').scrollIntoViewIfNeeded();
	const { x, y, width, height } = await page.locator('#runs-distribution').boundingBox();
	await page.mouse.click(x + width - 2, y + height / 2);
	assert.ok(await page.locator('#runs ol.rows li').count() < row.count);
	await page.click('#runs ol.rows button >> nth=0');
	await page.waitForFunction((tick) => window.uvtrace.view.selected?.tick === tick,
		slowest.tick);
}));

test('all runs of a callback, by the keys, and in the address', async () => {
	let hash;
	await withDemo(async (page) => {
		await ready(page);
		await page.keyboard.press('/');
		await page.keyboard.type(NAME);
		await page.keyboard.press('Enter');
		await page.waitForFunction(() => window.uvtrace.view.selected);
		await page.keyboard.press('Escape');
		await page.keyboard.press('r');
		await checkRuns(page);
		await tabTo(page, (text) => text.startsWith('Close'));
		await page.keyboard.press('Tab');
		assert.equal(await page.evaluate(() => document.activeElement.id),
			'runs-distribution-from');
		await page.keyboard.press('ArrowRight');
		assert.ok(await page.locator('#runs ol.rows li').count() < row.count);
		await page.waitForFunction(() => location.hash.includes('runs='));
		hash = await page.evaluate(() => location.hash);
	});
	await withDemo(checkRuns, hash);
});

test('runs are those of the range, as analyze_trace counts them', () => withDemo(async (page) => {
	const middle = truth.duration_ns / 2, from = Math.round(middle / 2);
	const to = Math.round(middle * 1.2);
	const part = analyze(`--from=${from}ns`, `--to=${to}ns`, ...segmentsOf(demo));
	await page.evaluate(([rangeFrom, rangeTo]) =>
		window.uvtrace.change({ rangeFrom, rangeTo, tab: 'callbacks' }), [from, to]);
	await page.waitForFunction(() => Number(document.documentElement.dataset.figures) > 1);
	for (const one of part.callbacks.slice(0, 3)) {
		const name = one.callback.split(' ')[0];
		await page.evaluate(([callback, kind, inPool]) => {
			const { view, change } = window.uvtrace;
			const site = view.process.sites.findIndex((found) =>
				found.name === callback && found.kind === kind);
			change({ runs: `${site}${inPool ? 'w' : ''}` });
		}, [name, one.kind, one.in_pool]);
		await page.waitForFunction((count) => window.uvtrace.view.runs?.seen === count,
			one.count);
		assert.equal((await runsOf(page)).ns, one.total_ns, name);
	}
}));

// ---- Who waited ---------------------------------------------------------------------------------

const held = () => truth.dispatch.find(({ callback }) => callback === NAME);

/* All runs of the callback: together they held as many, for as long, as the report says. */
async function checkWaiters(page, goTo) {
	let polls = 0, ns = 0;
	const runs = truth.long_polls.filter(({ callback }) => callback === NAME)
		.sort((a, b) => a.start_ns - b.start_ns);
	for (const run of runs) {
		await goTo(run);
		await page.waitForFunction((start) => window.uvtrace.view.behind &&
			window.uvtrace.view.selected?.start_ns === start, run.start_ns);
		const behind = await page.evaluate(() => window.uvtrace.view.behind);
		assert.equal(behind.list.length, behind.count);
		polls += behind.count;
		ns += behind.waited_ns;
		for (const { waited_ns: waited } of behind.list)
			assert.ok(waited > 0 && waited <= run.duration_ns);
	}
	assert.ok(held().held_polls > 0);
	assert.equal(polls, held().held_polls);
	assert.ok(Math.abs(ns - held().held_ns) <= runs.length, `${ns}, not ${held().held_ns}`);
}

test('who waited behind a callback, by the mouse', () => withDemo(async (page) => {
	await checkWaiters(page, async (run) => {
		await showPoll(page, run, 1);
		const [x, y] = await spotOf(page, 0, run.start_ns + run.duration_ns / 2);
		await page.mouse.click(x, y);
	});
	assert.match(await page.textContent('#waiters'), /waited/);
	await shoot(page, 'waiters');
	/* They are marked in the lane. */
	const [waiter] = (await page.evaluate(() => window.uvtrace.view.behind)).list;
	await showPoll(page, waiter, 1);
	const middle = waiter.start_ns + waiter.duration_ns / 2;
	const below = await page.evaluate(() => window.uvtrace.view.row - 3);
	const marked = await colorAt(page, waiter.worker, middle, below);
	assert.notEqual(marked, await colorAt(page, waiter.worker, middle, 12));
	await page.click('#waiters button >> nth=0');
	await page.waitForFunction((tick) => window.uvtrace.view.selected?.tick === tick,
		waiter.tick);
}));

test('who waited behind a callback, by the keys', () => withDemo(async (page) => {
	await ready(page);
	await page.keyboard.press('/');
	await page.keyboard.type(NAME);
	await checkWaiters(page, () => page.keyboard.press('Enter'));
	await page.focus('#panel-selection');
	await tabTo(page, (text) => /^[\d.]+ (m|µ)?s\w* \w+/.test(text));
}));

// ---- One iteration ------------------------------------------------------------------------------

async function checkIterations(page) {
	await page.waitForSelector('#iterations-distribution');
	const { seen, ns, rows } = await page.evaluate(() => window.uvtrace.view.iterations);
	const { turn } = truth;
	assert.equal(seen, turn.count);
	assert.equal(ns, turn.total_ns);
	assert.ok(Math.abs(rows[0].duration_ns / turn.max_ns - 1) < 1e-5);
	return rows;
}

async function iterationIs(page, worst) {
	await page.waitForFunction((start) =>
		Math.abs((window.uvtrace.view.iteration?.began_ns ?? 0) - start) < 1,
	worst.start_ns);
	const found = await page.evaluate(() => window.uvtrace.view.iteration);
	assert.equal(found.count, worst.object);
	assert.ok(Math.abs(found.callbacks_ns / worst.duration_ns - 1) < 1e-5);
	return found;
}

test('the worst iteration and its phases, by the mouse', () => withDemo(async (page) => {
	await page.click('#tab-iterations');
	const [worst] = await checkIterations(page);
	await page.click('#panel-iterations ol.rows button >> nth=0');
	const found = await iterationIs(page, worst);
	const heads = await page.locator('#iteration .phase h3').allTextContents();
	assert.equal(heads.reduce((sum, text) => sum + Number(text.match(/: ([\d,]+) callback/)[1]
		.replace(',', '')), 0), found.count);
	assert.ok(heads.some((text) => text.startsWith('Timers: ')), heads.join());
	await shoot(page, 'iteration');
	await page.click('#iteration button:has-text("Next")');
	await page.waitForFunction((tick) => window.uvtrace.view.iteration?.tick > tick,
		found.tick);
	await page.click('#iteration button:has-text("Previous")');
	await iterationIs(page, worst);
	await page.click('#iteration button:has-text("Close")');
	await page.waitForFunction(() => !window.uvtrace.view.iteration);
}));

test('the worst iteration, by the keys, and in the address', async () => {
	let hash, worst;
	await withDemo(async (page) => {
		await goToTab(page, 'iterations');
		[worst] = await checkIterations(page);
		await tabTo(page, (text) => text.includes('callback') && /^[\d.]+ ms/.test(text));
		await page.keyboard.press('Enter');
		const found = await iterationIs(page, worst);
		await page.focus('#timeline');
		await page.keyboard.press('>');
		await page.waitForFunction((tick) => window.uvtrace.view.iteration?.tick > tick,
			found.tick);
		await page.keyboard.press('<');
		await iterationIs(page, worst);
		await page.waitForFunction(() => location.hash.includes('iteration='));
		hash = await page.evaluate(() => location.hash);
	});
	await withDemo((page) => iterationIs(page, worst), hash);
});

// ---- What blocked the loop ----------------------------------------------------------------------

/* "kind;outermost;…;innermost" to microseconds, of --collapsed. */
function collapsed() {
	const sums = new Map();
	const lines = execFileSync(path.join(BUILD, 'analyze_trace'),
		['--collapsed', ...segmentsOf(demo)], { encoding: 'utf8' }).split('\n');
	for (const line of lines.filter((one) => one.startsWith('stalls;'))) {
		const [, stack, us] = /^stalls;(.*) (\d+)$/.exec(line);
		sums.set(stack, (sums.get(stack) || 0) + Number(us));
	}
	return sums;
}

/* The graph's boxes, as they lie below one another, as stacks; time in µs that is a leaf's. */
function graphStacks(page) {
	return page.evaluate(() => {
		const sums = {};
		const tell = (node, path) => {
			const own = node.ns - node.children.reduce((sum, one) => sum + one.ns, 0);
			if (own > 0)
				sums[path.join(';')] = own / 1000;
			for (const child of node.children)
				tell(child, [...path, child.name]);
		};
		const { whole } = window.uvtrace.stallFlame;
		for (const child of whole.children)
			tell(child, [child.kind]);
		return sums;
	});
}

async function withStalls(body) {
	const html = path.join(demo, 'stalls.html');
	execFileSync(path.join(BUILD, 'analyze_trace'), [`--html=${html}`, ...segmentsOf(demo)]);
	const page = await openPage(browser.context, html);
	await settle(page);
	await body(page);
	await closePage(page);
}

test('what blocked the loop, by the mouse', () => withStalls(async (page) => {
	await page.click('#tab-stalls');
	const wanted = collapsed(), found = await graphStacks(page);
	assert.ok(wanted.size > 0);
	assert.equal(Object.keys(found).length, wanted.size);
	for (const [stack, us] of wanted)
		assert.ok(Math.abs(found[stack] - us) <= truth.stalls.length, stack);
	/* The sandwich of the outermost function: all of it calls others. */
	const name = truth.stalls[0].frames.at(-1).function;
	await page.click(`#panel-stalls [data-function="${name}"]`);
	await page.waitForSelector('#callees-flame .box');
	const ofName = truth.stalls.filter(({ frames }) =>
		frames.some((frame) => frame.function === name));
	const ns = ofName.reduce((sum, one) => sum + one.stands_for_ns, 0);
	assert.equal(await page.evaluate(() => window.uvtrace.callees.whole.ns), ns);
	await shoot(page, 'stall-graph');
	/* A tick on the lane at each sample, and the stack beside the selected run. */
	const [stall] = truth.stalls;
	const poll = { start_ns: stall.start_ns, duration_ns: stall.duration_ns };
	await showPoll(page, poll, 1);
	const row = await page.evaluate(() => window.uvtrace.view.row);
	assert.notEqual(await colorAt(page, 0, stall.at_ns, row - 4),
		await colorAt(page, 0, stall.at_ns, row - 14));
	await page.mouse.click(...await spotOf(page, 0, stall.at_ns));
	await page.waitForSelector('#samples');
	assert.equal(await page.locator('#samples .frames li').count(), truth.stalls
		.filter((one) => one.start_ns === stall.start_ns)
		.reduce((sum, one) => sum + one.frames.length, 0));
}));

test('what blocked the loop, by the keys', () => withStalls(async (page) => {
	await goToTab(page, 'stalls');
	const name = truth.stalls[0].frames.at(-1).function;
	await tabTo(page, (text) => text.startsWith('All samples'));
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('ArrowDown');
	assert.match(await page.evaluate(() => document.activeElement.textContent),
		new RegExp(name.replaceAll(/[^\w]/g, '.')));
	await tabTo(page, (text) => text === name);
	await page.keyboard.press('Enter');
	await page.waitForSelector('#callers-flame .box');
	await calm(page);
}));

test('without samples or callbacks there is nothing, and it is said', async () => {
	const page = await openPage(browser.context);
	await load(page, [path.resolve('tests/golden/example.bin')]);
	await page.click('#tab-iterations');
	assert.match(await page.textContent('#panel-iterations'), /iteration|callback/i);
	await page.click('#tab-stalls');
	assert.equal(await page.locator('#stall-flame').count(), 0);
	await closePage(page);
});
