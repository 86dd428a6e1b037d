/* SPDX-License-Identifier: Apache-2.0
 *
 * What is drawn is what there was: columns and charts against a count of the test's own, ticks of
 * the clock against the clock, lists to their last row.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
	BUILD, STROKE, analyze, calm, closePage, generated, load, openBrowser, openPage,
	segmentsOf, settle, shoot, shown, traced,
} from './harness.js';
import { browser, demo, press, strokesOf, textsOf, withDemo } from './page_tools.js';

// ---- Columns and charts -------------------------------------------------------------------------

/* Of each column of a lane the polls whose middle lies in it, and the time of those in it. */
function columnsOf(polls, from, to, count) {
	const width = (to - from) / count;
	const columns = Array.from({ length: count }, () => ({ count: 0, busy: 0 }));
	for (const { start_ns: start, duration_ns: lasted } of polls) {
		const end = start + lasted;
		const middle = Math.floor((start + lasted / 2 - from) / width);
		columns[middle].count++;
		for (let i = Math.floor((start - from) / width); from + i * width < end; i++) {
			const inside = Math.min(end, from + (i + 1) * width) -
				Math.max(start, from + i * width);
			columns[i].busy += inside / width;
		}
	}
	return columns;
}

/* Many polls a column, and few: the sums of the one lie in memory, the other is decoded. */
for (const [count, tolerance] of [[12, 0.02], [300, 1e-4]]) {
	test(`of ${count} columns none shows more than there was`, async () => {
		const folder = generated(60000);
		const truth = analyze('--long-poll=1ns', '--top=100000', folder);
		const page = await openPage(browser.context);
		await load(page, segmentsOf(folder));
		const { start_ns: start, end_ns: end } =
			await page.evaluate(() => window.uvtrace.view.process);
		const from = start - 1e6, to = end + 1e6;
		const strokes = await strokesOf(page, count);
		for (const [lane, { worker }] of truth.workers.entries()) {
			const polls = truth.long_polls.filter((poll) => poll.worker === worker);
			const wanted = columnsOf(polls, from, to, count);
			const found = strokes.filter((one) => one.lane === lane &&
				one.type === STROKE.COLUMN);
			assert.equal(strokes.filter((one) => one.lane === lane &&
				[STROKE.POLL, STROKE.COLUMN].includes(one.type))
				.reduce((sum, one) => sum + one.count, 0), polls.length);
			for (const column of found) {
				const at = Math.round(
					(column.start_ns - from) * count / (to - from));
				const said = `worker ${worker}, column ${at}: ` +
					JSON.stringify([column.busy, column.count, wanted[at]]);
				assert.ok(column.busy + column.parked <= 1.0001, said);
				const wide = strokes.some((one) => one.lane === lane &&
					one.type === STROKE.POLL && one.start_ns < column.end_ns &&
					one.end_ns > column.start_ns);
				if (wide)
					continue;
				const off = Math.abs(column.busy - wanted[at].busy);
				assert.ok(off < tolerance, said);
				assert.ok(Math.abs(column.count - wanted[at].count) <=
					(column.flags ? 128 : 0), said);
			}
		}
		await closePage(page);
	});
}

/* [time, how many requests are on their way from then on], by the events themselves. */
function requestsOf(folder) {
	const lines = path.join(BUILD, 'viewer-test', 'requests.jsonl');
	execFileSync(path.join(BUILD, 'trace_to_jsonl'), [folder, lines]);
	const begun = new Set(), steps = [];
	for (const line of fs.readFileSync(lines, 'utf8').trim().split('\n')) {
		const { event, object, callback, timestamp_ns: at } = JSON.parse(line);
		if (event === 'RequestSubmit' && callback)
			begun.add(object);
		else if (event !== 'PollStart' || !begun.delete(object))
			continue;
		steps.push([at, begun.size]);
	}
	return steps.sort((a, b) => a[0] - b[0]);
}

test('requests on their way are counted from submission to callback', () =>
	withDemo(async (page) => {
		const COLUMNS = 40;
		const { start_monotonic_ns: origin } = analyze(demo), steps = requestsOf(demo);
		const { values, from, to } = await page.evaluate(async (columns) => {
			const { view, ask } = window.uvtrace;
			const { start_ns: begin, end_ns: last } = view.process;
			const { charts } = await ask('overview',
				{ from: begin, to: last, columns });
			return { values: [...charts.requests], from: begin, to: last };
		}, COLUMNS);
		const wanted = new Array(COLUMNS).fill(0);
		let before = 0, at = 0;
		for (let i = 0; i < COLUMNS; i++) {
			wanted[i] = before;
			const end = from + ((to - from) * (i + 1)) / COLUMNS;
			for (; at < steps.length && steps[at][0] - origin < end; at++) {
				before = steps[at][1];
				wanted[i] = Math.max(wanted[i], before);
			}
		}
		assert.ok(Math.max(...wanted) > 0);
		assert.deepEqual(values, wanted);
	}));

test('the number at a chart is of what its name says', () => withDemo(async (page) => {
	const { queues, pool } = analyze(demo);
	assert.ok(pool.threads > 0);
	const most = await page.evaluate(() => {
		const { queued, running, both } = window.uvtrace.view.drawn.charts;
		return [queued, running, both].map((values) => Math.max(...values));
	});
	assert.deepEqual(most.slice(0, 2), [queues.pool_queued.max, queues.pool_running.max]);
	assert.ok(most[2] >= Math.max(most[0], most[1]) && most[2] <= most[0] + most[1]);
	assert.ok((await textsOf(page)).includes(String(queues.pool_queued.max)));
}));

// ---- Times --------------------------------------------------------------------------------------

/* {text, ns}: what the axis says, and where. */
async function ticksOf(page) {
	await page.evaluate(() => {
		const { fillText } = CanvasRenderingContext2D.prototype;
		window.ticks = [];
		CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
			if (this.canvas.id === 'timeline' && y < 28 && this.textAlign === 'center')
				window.ticks.push([text, x]);
			return fillText.call(this, text, x, y);
		};
		window.uvtrace.redraw();
	});
	await calm(page);
	return page.evaluate(() => {
		const { from, to } = window.uvtrace.state, { view } = window.uvtrace;
		const width = document.getElementById('timeline').clientWidth - 176;
		return window.ticks.map(([text, x]) => ({
			text, pixel: (to - from) / width,
			realMs: Number(view.process.startRealNs / 1000n) / 1000 +
				(from + ((x - 176) / width) * (to - from)) / 1e6,
		}));
	});
}

for (const [zone, minutes] of [['UTC', 0], ['Asia/Kathmandu', 345]]) {
	test(`in ${zone} a tick of the clock stands where the clock says it`, async () => {
		const one = await openBrowser({ timezoneId: zone });
		const page = await openPage(one.context);
		await load(page, segmentsOf(demo));
		await page.selectOption('#time', 'clock');
		const { start_ns: start, end_ns: end } =
			await page.evaluate(() => window.uvtrace.view.process);
		for (const share of [1, 0.3, 0.01, 1e-4]) {
			await page.evaluate(([from, to]) => window.uvtrace.change({ from, to }),
				[start, start + (end - start) * share]);
			await calm(page);
			const ticks = await ticksOf(page);
			assert.ok(ticks.length > 1, 'there are ticks');
			for (const { text, realMs, pixel } of ticks) {
				const [, h, m, s] = /^(\d\d):(\d\d):(\d\d(?:\.\d+)?)$/.exec(text);
				const said = (Number(h) * 60 + Number(m)) * 60 + Number(s);
				const real = (realMs / 1000 + minutes * 60) % 86400;
				assert.ok(Math.abs(said - real) <= pixel / 1e9 + 1e-6,
					`${text} stands at ${real}`);
			}
		}
		const day = (await textsOf(page)).find((text) => /^\d{4}-\d\d-\d\d /.test(text));
		assert.match(day, minutes ? /GMT\+5:45/ : /UTC/);
		await closePage(page);
		await one.close();
	});
}

test('g goes to a time that is typed, in either way', () => withDemo(async (page) => {
	const middle = async () => {
		const { from, to } = await shown(page);
		return (from + to) / 2;
	};
	const go = async (text) => {
		await page.keyboard.press('g');
		await page.fill('#go-time', text);
		await page.keyboard.press('Enter');
		await page.waitForSelector('#go:not([open])', { state: 'attached' });
		await calm(page);
	};
	const { realNs, end } = await page.evaluate(() => ({
		realNs: String(window.uvtrace.view.process.startRealNs),
		end: window.uvtrace.view.process.end_ns,
	}));
	const wanted = Math.round(end / 2 / 1e6) * 1e6;
	await go(`+${wanted / 1e9} s`);
	assert.ok(Math.abs(await middle() - wanted) < 1);
	await press(page, 'f');
	await go(`${wanted / 1e6}ms`);
	assert.ok(Math.abs(await middle() - wanted) < 1);
	await press(page, 'f');
	const real = BigInt(realNs) + BigInt(wanted);
	const clock = new Date(Number(real / 1000000n)).toISOString().slice(11, 19);
	await go(`${clock}.${String(real % 1000000000n).padStart(9, '0')}`);
	assert.ok(Math.abs(await middle() - wanted) < 1);
	const before = await shown(page);
	await go('10000 s');
	assert.match(await page.textContent('#message'), /The trace has no 10000 s/);
	await go('noon');
	assert.match(await page.textContent('#message'), /is no time/);
	assert.deepEqual(await shown(page), before);
}));

// ---- Traces and links ---------------------------------------------------------------------------

test('a second trace is shown as if it were the first', async () => {
	const other = traced('examples/marked_requests');
	const page = await openPage(browser.context);
	await load(page, segmentsOf(demo));
	await page.evaluate(() => {
		const { view, change } = window.uvtrace;
		const { start_ns: start, end_ns: end } = view.process;
		change({ from: end - (end - start) / 9, to: end, rangeFrom: start, rangeTo: end / 2,
			tab: 'workers', kind: 'timer', long: 5e6, time: 'clock' });
	});
	await settle(page);
	await load(page, segmentsOf(other));
	const { from, to, rangeFrom, tab, kind, long, time } = await shown(page);
	const { start_ns: start, end_ns: end } =
		await page.evaluate(() => window.uvtrace.view.process);
	assert.ok(from <= start && to >= end, `${from} … ${to} of ${start} … ${end}`);
	assert.deepEqual([rangeFrom, tab, kind], [null, 'findings', '']);
	assert.deepEqual([long, time], [5e6, 'clock'], 'how one looks stays');
	await closePage(page);
});

test('a link knows its trace', async () => {
	const other = traced('examples/marked_requests');
	let page = await openPage(browser.context);
	await load(page, segmentsOf(demo));
	await page.evaluate(() => window.uvtrace.change({ from: 2e7, to: 4e7, tab: 'workers' }));
	await page.waitForFunction(() => location.hash.includes('tab=workers'));
	const link = await page.evaluate(() => location.hash);
	assert.match(link, /trace=\d+-\d+/);
	await closePage(page);

	page = await openPage(browser.context, undefined, link);
	await load(page, segmentsOf(other));
	assert.match(await page.textContent('#message'), /This link is of another trace/);
	assert.equal((await shown(page)).tab, 'findings');
	await page.evaluate((hash) => { location.hash = hash; }, link);
	await page.waitForFunction(() => /open that first/.test(
		document.getElementById('message').textContent));
	assert.equal((await shown(page)).tab, 'findings');
	await load(page, segmentsOf(demo));
	const { from, to, tab } = await shown(page);
	assert.deepEqual([from, to, tab], [2e7, 4e7, 'workers'], 'the trace that it names');
	await closePage(page);

	page = await openPage(browser.context, undefined, '#from=1000000&to=900000000000000');
	await load(page, segmentsOf(demo));
	const { end_ns: end } = await page.evaluate(() => window.uvtrace.view.process);
	const clamped = await shown(page);
	assert.equal(clamped.from, 1000000);
	assert.ok(clamped.to >= end && clamped.to < end * 1.1, 'no more than there is');
	await closePage(page);
});

// ---- Reaching everything ------------------------------------------------------------------------

test('every row of a long list can be reached', () => withDemo(async (page) => {
	await page.locator('#long').fill('0');
	await settle(page);
	const { long_poll_count: count, long_polls: known } =
		await page.evaluate(() => window.uvtrace.currentFigures());
	assert.ok(known.length > 250 && count > known.length);
	const rows = page.locator('#list-long li');
	assert.equal(await rows.count(), 50);
	for (let i = 0; i < 5; i++)
		await page.click('#list-long .more button');
	assert.equal(await rows.count(), known.length);
	assert.match(await page.textContent('#list-long .more'),
		new RegExp(`of ${count.toLocaleString('en-US')}: select a range`));
}));

for (const [width, height] of [[720, 450], [800, 500], [390, 844]]) {
	test(`at ${width} by ${height} lanes and panels can be reached`, () =>
		withDemo(async (page) => {
			await page.setViewportSize({ width, height });
			await calm(page);
			const panels = await page.locator('#panel-findings').boundingBox();
			assert.ok(panels.y + 60 < height && panels.height > 60,
				JSON.stringify(panels));
			const room = await page.evaluate(() => {
				const { view } = window.uvtrace;
				const [{ top, height: lane }] = view.lanes;
				const canvas = document.getElementById('timeline');
				return canvas.clientHeight - top - lane;
			});
			assert.ok(room >= 0, `${room} pixels below the first lane`);
			await shoot(page, `small-${width}`);
		}));
}

// ---- What the text report says ------------------------------------------------------------------

/* What a finding cost, how sure that is, from when to when. */
const COST = new RegExp(' (?:cost: )?((?:(?:own )?delay[a-z ]* [\\d.]+ \\S+; )?)' +
	'(certain|likely|possible); (\\+\\S+ s) to (\\+\\S+ s)', 'g');

/* Lines of the text report, as one. */
function textReport(...options) {
	return execFileSync(path.join(BUILD, 'analyze_trace'), options,
		{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).replace(/\s+/g, ' ');
}

test('the page says what the text report says beside its tables', () =>
	withDemo(async (page) => {
		const text = textReport('--top=1000', demo);
		const panel = (await page.textContent('#panel-findings')).replace(/\s+/g, ' ');
		const costs = [...text.matchAll(COST)];
		assert.ok(costs.length > 0);
		for (const [, cost, sure, from, to] of costs)
			assert.ok(panel.includes(`${cost}${sure}; ${from} to ${to}`), cost + sure);
		const has = (pattern, where = panel) => {
			const [, said] = pattern.exec(text);
			assert.ok(where.includes(said), said);
		};
		has(/Tracing itself took (about .*? of the busy time)/);
		has(/CPU time of all processes: (.*? by a hypervisor)/);
		has(/context switches of workers: (.*? involuntary)/);
		has(/Not in this trace: (.*?)\./);
		has(/(\d+ pool workers: worker .*? times the mean of \S+ \S+?\.) /,
			await page.textContent('#panel-workers'));
		const { checked, command } = analyze(demo);
		for (const one of [...checked, command])
			assert.ok(panel.includes(one), one);
	}));

test('every key says what it did', () => withDemo(async (page) => {
	const said = () => page.textContent('#announcer');
	for (const [key, words] of [['c', /by duration/], ['c', /by callback/],
		['t', /wall clock/], ['t', /after the start/], ['k', /hidden/], ['k', /shown/],
		['m', /Figures of/]]) {
		await page.keyboard.press(key);
		assert.match(await said(), words);
	}
}));
