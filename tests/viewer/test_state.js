/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters and the other parts of the state, and the URL that holds it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
	IN_FIREFOX, analyze, calm, closePage, load, openPage, segmentsOf, selected, settle, shoot,
	shown, traced,
} from './harness.js';
import {
	box, browser, countsByLane, demo, figuresOf, press, sameRange, showPoll, spotOf, width,
	withDemo,
} from './page_tools.js';

/* The middle of the trace. */
async function showMiddle(page) {
	await page.evaluate(() => {
		const { start_ns: start, end_ns: end } = window.uvtrace.view.process;
		const at = (share) => start + (end - start) * share;
		window.uvtrace.change({ from: at(0.3), to: at(0.5) });
	});
	await calm(page);
}

test('as many polls are drawn as were counted, filtered or not', () => withDemo(async (page) => {
	const truth = analyze(demo);
	assert.deepEqual(await countsByLane(page), truth.workers.map((worker) => worker.polls));
	await page.click('#filters summary');
	await page.selectOption('#filter-kind', 'timer');
	await settle(page);
	const timers = truth.callbacks
		.filter((row) => row.kind === 'timer').reduce((sum, row) => sum + row.count, 0);
	assert.deepEqual(await countsByLane(page),
		truth.workers.map((worker, i) => (i ? 0 : timers)));
	await page.selectOption('#filter-kind', '');
	await page.locator('#shortest').fill('30');
	await settle(page);
	const long = (await countsByLane(page)).reduce((sum, count) => sum + count, 0);
	assert.equal(long, truth.long_poll_count);
	await page.click('#filter-clear');
	await page.fill('#filter-callback', 'fs_stat');
	await page.waitForFunction(() => window.uvtrace.state.callback === 'fs_stat');
	await settle(page);
	const stats = truth.callbacks
		.filter((row) => row.kind === 'fs_stat').reduce((sum, row) => sum + row.count, 0);
	assert.equal((await countsByLane(page)).reduce((sum, count) => sum + count, 0), stats);
	await page.uncheck('#worker-list input >> nth=1');
	await calm(page);
	assert.equal((await shown(page)).hidden, '2');
	assert.equal(await page.evaluate(() => window.uvtrace.view.lanes.length),
		truth.workers.length - 1);
	await shoot(page, 'filter');
	await page.click('#filter-clear');
	await settle(page);
	assert.deepEqual(await countsByLane(page), truth.workers.map((worker) => worker.polls));
}));

test('one handle alone', () => withDemo(async (page) => {
	await page.evaluate(() => window.uvtrace.change({ query: 'timer' }));
	await page.click('#search-next');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const { object } = await selected(page);
	await page.evaluate((handle) => window.uvtrace.change({ object: handle }), object);
	await settle(page);
	const runs = (await countsByLane(page)).reduce((sum, count) => sum + count, 0);
	const life = await page.evaluate(
		(handle) => window.uvtrace.ask('follow', { object: Number(handle) }), object);
	assert.equal(runs, life.events.filter((event) => event.event === 'Poll').length);
}));

test('the state lies in the fragment, and is taken from it', () => withDemo(async (page) => {
	await press(page, 'w');
	await press(page, 'n');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	await press(page, 'c');
	await press(page, 't');
	await page.evaluate(() => window.uvtrace.change({
		rangeFrom: 1e6, rangeTo: 9e6, shortest: 2e4, hidden: '3',
	}));
	await settle(page);
	await page.waitForTimeout(300);
	const state = await shown(page);
	const fragment = new URL(page.url()).hash;
	assert.ok(fragment.length > 10);
	await withDemo(async (other) => {
		await other.waitForFunction(() => window.uvtrace.view.selected);
		const same = await shown(other);
		for (const key of Object.keys(state)) {
			if (typeof state[key] === 'number')
				assert.ok(Math.abs(same[key] - state[key]) <= 1, key);
			else
				assert.equal(same[key], state[key], key);
		}
	}, fragment);
}));

test('colours, times and the theme are switched', () => withDemo(async (page) => {
	await press(page, 'c');
	assert.equal(await page.inputValue('#color'), 'duration');
	await press(page, 't');
	assert.equal(await page.inputValue('#time'), 'clock');
	assert.match(await page.textContent('#panel-findings .when >> nth=0'), /\d\d:\d\d:\d\d/);
	await shoot(page, 'duration-clock');
	await page.click('#theme');
	assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
	await shoot(page, 'dark-by-hand');
}));

test('a double click zooms to a poll, L follows what it is about, and both are forgotten',
	() => withDemo(async (page) => {
	const longest = analyze(demo).long_polls[0];
	await showPoll(page, longest, 0.3);
	const wide = await width(page);
	const middle = longest.start_ns + longest.duration_ns / 2;
	const spot = await spotOf(page, longest.worker - 1, middle);
	await page.mouse.dblclick(...spot);
	if (IN_FIREFOX) /* to whom the driver tells two clicks that are none together */
		await page.dispatchEvent('#timeline', 'dblclick',
			{ clientX: spot[0], clientY: spot[1] });
	await page.waitForFunction((before) => {
		const { state } = window.uvtrace;
		return state.to - state.from !== before;
	}, wide);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	await press(page, 'l');
	await page.waitForFunction(() => window.uvtrace.view.life);
	const { life, poll } = await page.evaluate(() => {
		const { view } = window.uvtrace;
		return { life: view.life, poll: view.selected };
	});
	assert.equal(life.object, poll.life_of);
	await page.click('#clear');
	await page.waitForFunction(() => {
		const { view } = window.uvtrace;
		return !view.selected && !view.life;
	});
}));

test('the pointer on a chart tells its value', () => withDemo(async (page) => {
	const { x, y, height } = await box(page);
	await page.mouse.move(x + 500, y + height - 20);
	await page.waitForSelector('#tip:not([hidden])');
	assert.match(await page.textContent('#tip'), /ready fds/);
}));

test('shift and wheel move', () => withDemo(async (page) => {
	const { x, y } = await box(page);
	await showMiddle(page);
	await page.mouse.move(x + 500, y + 150);
	await page.keyboard.down('Shift');
	const before = await shown(page);
	await page.mouse.wheel(0, 300);
	await page.keyboard.up('Shift');
	await calm(page);
	assert.ok((await shown(page)).from > before.from);
	assert.ok(Math.abs((await width(page)) - (before.to - before.from)) < 1);
}));

test('a finding leads to its place, and undo goes back to the range before',
	() => withDemo(async (page) => {
	await showMiddle(page);
	const before = await shown(page);
	await page.click('#tab-findings');
	await page.click('.findings button >> nth=0');
	await calm(page);
	const finding = (await figuresOf(page)).findings[0], there = await shown(page);
	assert.ok(there.from <= finding.from_ns && there.to >= finding.to_ns);
	await page.keyboard.press('Control+z');
	await calm(page);
	sameRange(await shown(page), before);
}));

test('colours, times, help and tabs by hand', () => withDemo(async (page) => {
	await page.selectOption('#color', 'duration');
	await page.selectOption('#time', 'clock');
	const { color, time } = await shown(page);
	assert.deepEqual([color, time], ['duration', 'clock']);
	await page.click('#help-open');
	await page.click('#help-close');
	await page.focus('#tab-findings');
	await page.keyboard.press('ArrowRight');
	assert.equal((await shown(page)).tab, 'transactions');
}));

test('what is shown is changed by its owner alone', () => withDemo(async (page) => {
	const thrown = await page.evaluate(() => {
		'use strict';
		const { view } = window.uvtrace;
		return Object.keys(view).filter((key) => {
			try {
				view[key] = view[key];
			} catch (error) {
				return error instanceof TypeError;
			}
			return false;
		});
	});
	const keys = await page.evaluate(() => Object.keys(window.uvtrace.view));
	assert.ok(keys.includes('selected') && keys.includes('process'));
	assert.deepEqual(thrown, keys);
}));

test('many workers are scrolled, by wheel, drag and keys', async () => {
	const folder = traced('fixtures/work', { UV_THREADPOOL_SIZE: '24' });
	const page = await openPage(browser.context);
	await page.setViewportSize({ width: 1000, height: 480 });
	await load(page, segmentsOf(folder));
	const scroll = () => page.evaluate(() => window.uvtrace.view.scroll),
		{ x, y } = await box(page);
	assert.ok((await page.evaluate(() => window.uvtrace.view.lanesHeight)) > 480,
		'enough of them');
	await page.mouse.move(x + 60, y + 100);
	await page.mouse.wheel(0, 120);
	await calm(page);
	const wheeled = await scroll();
	assert.ok(wheeled > 0);
	await page.mouse.down();
	await page.mouse.move(x + 60, y + 160, { steps: 3 });
	await page.mouse.up();
	await calm(page);
	assert.ok((await scroll()) < wheeled);
	await page.focus('#timeline');
	await press(page, 'PageDown');
	const paged = await scroll();
	assert.ok(paged > 0);
	await press(page, 'PageUp');
	assert.ok((await scroll()) < paged);
	for (let i = 0; i < 30; i++)
		await press(page, 'ArrowDown');
	assert.ok(await page.evaluate(() => {
		const { view } = window.uvtrace, lane = view.lanes[view.chosen];
		return view.chosen === view.lanes.length - 1 &&
			lane.top - view.scroll < document.getElementById('timeline').clientHeight;
	}));
	await closePage(page);
});

test('a link to another view of the same trace is followed, and back',
	() => withDemo(async (page) => {
	const there = '#from=10000000&to=20000000&color=duration&tab=workers';
	await page.evaluate((hash) => { location.hash = hash; }, there);
	await page.waitForFunction(() => window.uvtrace.state.from === 10000000);
	await calm(page);
	const state = await shown(page);
	assert.deepEqual([state.to, state.color, state.tab], [20000000, 'duration', 'workers']);
	assert.equal(await page.getAttribute('#tab-workers', 'aria-selected'), 'true');
}));

test('help opens and closes by keys', () => withDemo(async (page) => {
	await page.keyboard.press('?');
	await page.waitForSelector('#help[open]');
	assert.match(await page.textContent('#help'), /next long run/);
	await shoot(page, 'help');
	await page.keyboard.press('Escape');
	await page.waitForSelector('#help:not([open])', { state: 'attached' });
}));
