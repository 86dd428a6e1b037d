/* SPDX-License-Identifier: Apache-2.0
 *
 * Polls: selecting them, moving from one to another, and what is told of one.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import {
	STROKE, analyze, calm, closePage, load, openPage, segmentsOf, selected, settle, shoot,
	shown, traced,
} from './harness.js';
import {
	GOLDEN, browser, demo, figuresOf, press, showPoll, spotOf, withDemo,
} from './page_tools.js';

test('a click on a poll tells about it, hovering too', () => withDemo(async (page) => {
	const longest = analyze(demo).long_polls[0];
	await showPoll(page, longest, 1e6 / longest.duration_ns);
	const middle = longest.start_ns + longest.duration_ns / 2;
	const [x, y] = await spotOf(page, longest.worker - 1, middle);
	await page.mouse.move(x, y);
	await page.waitForSelector('#tip:not([hidden])');
	assert.match(await page.textContent('#tip'), /ms/);
	await page.mouse.click(x, y);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const poll = await selected(page);
	assert.equal(poll.start_ns, longest.start_ns);
	assert.equal(poll.duration_ns, longest.duration_ns);
	const text = await page.textContent('#panel-selection');
	for (const word of ['Kind', longest.kind, 'Callback', 'Registered', 'Handle', '0x', 'Start',
		'Duration', 'Its iteration'])
		assert.ok(text.includes(word), word);
	await shoot(page, 'selection');
}));

/* Clicks, and tells when the poll that is selected began. */
async function startOfClicked(page, x, y) {
	await page.evaluate(() => document.getElementById('clear').click());
	await page.waitForFunction(() => !window.uvtrace.view.selected);
	await page.mouse.click(x, y);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	return (await selected(page)).start_ns;
}

test('of polls that lie in each other, that of the row under the pointer is meant', async () => {
	const page = await openPage(browser.context), folder = traced('fixtures/nested');
	const polls = analyze('--long-poll=1ns', '--top=10000', folder).long_polls;
	const inner = polls.find((poll) => poll.nested), end = inner.start_ns + inner.duration_ns;
	const outer = polls.find((poll) => !poll.nested && poll.worker === inner.worker &&
		poll.start_ns <= inner.start_ns && poll.start_ns + poll.duration_ns >= end);
	await load(page, segmentsOf(folder));
	await showPoll(page, inner, 1);
	const row = await page.evaluate(() => window.uvtrace.view.row);
	const [x, y] = await spotOf(page, 0, inner.start_ns + inner.duration_ns / 2);
	assert.equal(await startOfClicked(page, x, y), outer.start_ns);
	assert.equal(await startOfClicked(page, x, y - 8 + row + 5), inner.start_ns);
	await closePage(page);
});

/* The wait that ends last before a time, of those that are drawn of the first lane. */
function waitBefore(page, ns) {
	return page.evaluate(([type, at]) => {
		const { strokes, ends } = window.uvtrace.view.drawn;
		const waits = [...Array(ends[0]).keys()].map((i) => strokes.at(i))
			.filter((stroke) => stroke.type === type && stroke.end_ns <= at)
			.map(({ start_ns: start, end_ns: end }) => ({ start, end }));
		return waits.sort((one, other) => other.end - one.end)[0];
	}, [STROKE.PARK, ns]);
}

test('beside a poll and within a wait, the poll is meant', async () => {
	const file = path.join(GOLDEN, 'echo.bin'), page = await openPage(browser.context);
	const onLoop = analyze('--long-poll=1ns', '--top=1000', file).long_polls
		.filter((poll) => poll.worker === 1 && !poll.nested);
	let met = 0;
	await load(page, [file]);
	for (const poll of onLoop) {
		await showPoll(page, poll, 100);
		const wait = await waitBefore(page, poll.start_ns);
		/* Shown so that less than a third of a pixel lies between them. */
		const gap = wait && Math.max(1, poll.start_ns - wait.end), pixel = 3 * gap;
		if (!wait || wait.end - wait.start < 10 * pixel)
			continue;
		met++;
		await showPoll(page, { start_ns: poll.start_ns, duration_ns: 0.1 * pixel }, 5000);
		const [x, y] = await spotOf(page, 0, poll.start_ns);
		const start = await startOfClicked(page, x - 1.2, y);
		assert.ok(Math.abs(start - poll.start_ns) < 3 * pixel,
			`${start}, not ${poll.start_ns}`);
		break;
	}
	assert.ok(met > 0, 'a poll begins where a wait ends');
	await closePage(page);
});

test('next and previous long poll, in order and no other', () => withDemo(async (page) => {
	const truth = analyze(demo).long_polls.map((poll) => poll.start_ns).sort((a, b) => a - b);
	await page.evaluate(() => window.uvtrace.change({ from: -1000, to: 1e6 }));
	const seen = [];
	for (const _ of truth) {
		const then = (await selected(page))?.tick;
		await page.keyboard.press('n');
		await page.waitForFunction((tick) => window.uvtrace.view.selected &&
			window.uvtrace.view.selected.tick !== tick, then ?? null);
		seen.push((await selected(page)).start_ns);
	}
	assert.deepEqual(seen, truth);
	await page.keyboard.press('n');
	await page.waitForSelector('#message:not([hidden])');
	await page.click('#long-previous');
	await page.waitForFunction((at) => window.uvtrace.view.selected.start_ns === at,
		truth[truth.length - 2]);
	await page.keyboard.press('Enter');
	await calm(page);
}));

test('search finds the runs of a callback, one after the other', () => withDemo(async (page) => {
	const kind = 'timer';
	await page.keyboard.press('/');
	await page.keyboard.type(kind);
	await page.keyboard.press('Enter');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const first = await selected(page);
	await page.keyboard.press('Enter');
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick > tick, first.tick);
	await page.keyboard.press('Escape');
	await page.keyboard.press('[');
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick === tick,
		first.tick);
	await page.click('#search-next');
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick > tick, first.tick);
	const sites = await page.evaluate(
		() => window.uvtrace.view.process.sites.map((site) => site.kind));
	assert.equal(sites[(await selected(page)).site], kind);
}));

test('polls of one worker by keys alone', () => withDemo(async (page) => {
	await page.focus('#timeline');
	await press(page, 'ArrowDown');
	await page.keyboard.press('.');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const first = await selected(page);
	assert.equal(first.worker, 1);
	assert.equal(first.in_pool, true);
	await page.keyboard.press('.');
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick > tick, first.tick);
	await page.keyboard.press(',');
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick === tick,
		first.tick);
}));

test('a request of the pool: its work, who submitted it, what it woke, and its life',
	() => withDemo(async (page) => {
	await page.evaluate(() => window.uvtrace.change({ query: 'fs_stat' }));
	await page.click('#search-next');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const { wakes } = await selected(page);
	assert.deepEqual(wakes.map((wake) => wake.what).sort(),
		['done on the pool', 'submitted to the pool']);
	for (const wake of wakes)
		assert.ok(wake.to_ns >= wake.from_ns);
	await page.click('text=Follow its life');
	await page.waitForFunction(() => window.uvtrace.view.life);
	const life = await page.evaluate(
		() => window.uvtrace.view.life.events.map((event) => event.event));
	for (const event of ['RequestSubmit', 'Work', 'Poll'])
		assert.ok(life.includes(event), event);
	await shoot(page, 'life');
}));

test('uv_async_send leads to the callback that it caused', async () => {
	const folder = traced('fixtures/async_wakeups');
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	await page.evaluate(() => window.uvtrace.change({ query: 'async', kind: 'async' }));
	await settle(page);
	await page.click('#search-next');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const { wakes } = await selected(page);
	assert.ok(wakes.some((wake) => wake.what === 'uv_async_send' && wake.to_ns >= wake.from_ns),
		JSON.stringify(wakes));
	await page.keyboard.press('z');
	await calm(page);
	await shoot(page, 'async');
	await closePage(page);
});

test('a row of the findings and of the callbacks goes to its poll', () => withDemo(async (page) => {
	const truth = analyze(demo);
	await page.click('#panel-findings .rows button >> nth=0');
	/* Whichever it is: on a busy machine another poll may be longer than the one that the
	 * finding is about. */
	await page.waitForFunction(
		(starts) => starts.includes(window.uvtrace.view.selected?.start_ns),
		truth.long_polls.map((poll) => poll.start_ns));
	const first = (await selected(page)).start_ns;
	const { from, to } = await shown(page);
	assert.ok(from < first && to > first);
	await page.click('#clear');
	await page.waitForFunction(() => !window.uvtrace.view.selected);
	await page.click('#tab-callbacks');
	await page.click('#panel-callbacks tbody tr:nth-child(2) button');
	await page.click('#runs ol.rows button >> nth=0');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	/* By the mean rate of the clock, not that of this moment. */
	const { max_ns: longest } = (await figuresOf(page)).callbacks[1];
	assert.ok(Math.abs((await selected(page)).duration_ns / longest - 1) < 1e-5);
	await page.click('#tab-workers');
	await page.click('#panel-workers tbody tr:nth-child(2) button');
	await calm(page);
}));
