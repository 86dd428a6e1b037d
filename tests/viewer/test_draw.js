/* SPDX-License-Identifier: Apache-2.0
 *
 * What is drawn of a trace, and what the panels beside it say.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import {
	BUILD, STROKE, analyze, calm, closePage, load, openPage, segmentsOf, selected, settle,
	shoot, shown, traced, tracedOff,
} from './harness.js';
import {
	browser, colorAt, drawnTypes, figuresOf, press, spotOf, strokesOf, textsOf,
} from './page_tools.js';

const NO_CPP = { skip: !fs.existsSync(path.join(BUILD, 'fixtures/throw')) && 'no C++ compiler' };

test('C++ names and static functions are those of analyze_trace, without the files', NO_CPP,
	async () => {
	const folder = traced('fixtures/throw');
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const names = (report) => report.callbacks.map((row) => row.callback);
	assert.deepEqual(names(await figuresOf(page)), names(analyze(folder)));
	await page.click('#tab-callbacks');
	const name = page.locator('#panel-callbacks .name', { hasText: 'on_timer' });
	assert.equal(await name.textContent(),
		'cache_of_answers<unsigned long, …char>::on_timer');
	assert.equal(await name.getAttribute('title'),
		'cache_of_answers<unsigned long, unsigned char>::on_timer');
	await closePage(page);
});

test('polls inside polls have a row of their own', async () => {
	const folder = traced('fixtures/nested'), truth = analyze(folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const nested = (await strokesOf(page)).filter((stroke) => stroke.type <= STROKE.COLUMN &&
		stroke.depth > 0);
	assert.ok(truth.workers[0].nested_polls > 0);
	assert.equal(nested.reduce((sum, stroke) => sum + stroke.count, 0),
		truth.workers.reduce((sum, worker) => sum + worker.nested_polls, 0));
	const { long_polls: polls } = analyze('--long-poll=1ns', '--top=10000', folder);
	const inner = polls.find((poll) => poll.nested);
	const from = inner.start_ns - inner.duration_ns;
	const to = inner.start_ns + 2 * inner.duration_ns;
	await page.evaluate(([a, b]) => window.uvtrace.change({ from: a, to: b }), [from, to]);
	await calm(page);
	const row = await page.evaluate(() => window.uvtrace.view.row);
	const [x, y] = await spotOf(page, 0, inner.start_ns + inner.duration_ns / 2);
	await page.mouse.click(x, y - 8 + row + 5);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	assert.equal((await selected(page)).start_ns, inner.start_ns);
	assert.equal((await selected(page)).depth, 1);
	assert.match(await page.textContent('#panel-selection'), /Nested/);
	await shoot(page, 'nested');
	await closePage(page);
});

test('where recording was off is shaded and named', async () => {
	const folder = await tracedOff(), truth = analyze(folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const { off, start_ns: start, end_ns: end } =
		await page.evaluate(() => window.uvtrace.view.process);
	assert.equal(off.length, 2);
	assert.ok(Math.abs(off[1] - off[0] - truth.switched_off_ns) < 1000);
	assert.ok((await textsOf(page)).includes('recording off'));
	const inside = await colorAt(page, 0, (off[0] + off[1]) / 2, 4),
		beside = await colorAt(page, 0, start + (off[0] - start) * 0.03, 4);
	assert.notEqual(inside, beside);
	assert.notEqual(inside, await colorAt(page, 0, off[1] + (end - off[1]) * 0.97, 4));
	assert.match(await page.textContent('#panel-findings .warnings'),
		/Recording was off/);
	await shoot(page, 'off');
	await closePage(page);
});

test('a program whose callbacks cannot be seen says so on its lanes', async () => {
	const folder = traced('fixtures/slow_hidden', { UVTRACE_PATCH: '0' });
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	assert.equal((await figuresOf(page)).tier, 'libc');
	assert.ok((await textsOf(page)).some((text) => text.startsWith('waits only (libc tier)')));
	assert.match(await page.textContent('#panel-findings .warnings'), /tier libc/);
	for (const panel of ['requests', 'timers'])
		assert.match(await page.textContent(`#panel-${panel}`), /cannot be seen/);
	assert.ok((await textsOf(page)).some((text) => text.startsWith('cannot be seen')));
	assert.match(await page.textContent('#panel-findings'), /Pool queued\s*cannot be seen/);
	assert.ok((await strokesOf(page)).some(({ type }) => type === STROKE.PARK ||
		type === STROKE.COLUMN), 'its waits are drawn');
	await shoot(page, 'libc');
	await closePage(page);
});

test('where callbacks cannot be seen, turns of the loop are drawn, and say so', async () => {
	const folder = traced('fixtures/slow_hidden', { UVTRACE_PATCH: '0' });
	const { workers, long_polls: turns } =
		analyze('--long-poll=1ns', '--top=10000', folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const drawn = (await strokesOf(page)).filter(({ type }) => type === STROKE.POLL ||
		type === STROKE.COLUMN);
	assert.ok(turns.length > 0);
	assert.equal(drawn.reduce((sum, { count }) => sum + count, 0),
		workers.reduce((sum, { polls }) => sum + polls, 0));
	const long = turns.find(({ duration_ns: ns }) => ns >= 1000000);
	await page.evaluate(([a, b]) => window.uvtrace.change({ from: a, to: b }),
		[long.start_ns - long.duration_ns, long.start_ns + 2 * long.duration_ns]);
	await calm(page);
	const box = (await strokesOf(page)).find(({ type, start_ns: from, end_ns: to }) =>
		type === STROKE.POLL && from === long.start_ns && to - from === long.duration_ns);
	assert.ok(box, 'as a box of its own');
	const [x, y] = await spotOf(page, 0, long.start_ns + long.duration_ns / 2);
	await page.mouse.click(x, y);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	assert.equal((await selected(page)).start_ns, long.start_ns);
	const text = await page.textContent('#panel-selection');
	assert.match(text, /all that the loop ran between two waits/);
	assert.match(text, /Callbacks\s*cannot be seen/);
	assert.doesNotMatch(text, /Handle|Registered/);
	await shoot(page, 'libc-turn');
	await closePage(page);
});

/* A part of a worker's stream is decoded by itself when it is looked at closely. The turn in which
 * it begins began in the part before. */
test('no turn is missing where the trace is looked at closely', async () => {
	const folder = traced('exported/fixtures/flood', { UVTRACE_PATCH: '0' }, ['40000']);
	const { long_polls: turns } = analyze('--long-poll=1ns', '--top=100000', folder);
	const starts = turns.map(({ start_ns: start }) => start).sort((a, b) => a - b);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const count = await page.evaluate(async ([ticks, column]) => {
		const { ask, Strokes } = window.uvtrace;
		let sum = 0;
		for (let i = 0; i + 1 < ticks.length; i += 500) {
			const from = ticks[i], to = ticks[Math.min(i + 500, ticks.length - 1)];
			const { strokes: bytes } = await ask('overview',
				{ from, to, columns: 16000, said: false });
			const strokes = new Strokes(bytes);
			for (let k = 0; k < strokes.length; k++) {
				const start = strokes.start_ns(k);
				if (strokes.type(k) === column || (start >= from && start < to))
					sum += strokes.count(k);
			}
		}
		return sum;
	}, [starts, STROKE.COLUMN]);
	assert.ok(starts.length > 33000);
	assert.equal(count, starts.length - 1);
	await closePage(page);
});

test('marks and spans: as many as were made, in the poll that served them, hidden by a key',
	async () => {
	const folder = traced('fixtures/marks'), truth = analyze(folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const strokes = await strokesOf(page);
	const count = (type) => strokes.filter((stroke) => stroke.type === type)
		.reduce((sum, stroke) => sum + stroke.count, 0);
	assert.equal(count(STROKE.MARK), truth.marks.reduce((sum, row) => sum + row.count, 0));
	assert.equal(count(STROKE.SPAN),
		truth.spans.reduce((sum, row) => sum + row.count + row.open + row.begins_alone, 0));
	const request = strokes.find((stroke) => stroke.type === STROKE.SPAN &&
		stroke.value === '0xfedcba9876543210');
	assert.equal(request.end_ns - request.start_ns,
		truth.spans.find((row) => row.name === 'request').slowest.duration_ns);
	assert.ok((await textsOf(page)).includes('request 0xfedcba9876543210'));
	const slow = truth.long_polls.find(
		(poll) => poll.spans.some((span) => span.name === 'request'));
	const lasted = `${(slow.duration_ns / 1e6).toPrecision(3)} ms`;
	await page.click(`#panel-findings .rows button:has-text("${lasted}")`);
	await page.waitForFunction((start) => window.uvtrace.view.selected?.start_ns === start,
		slow.start_ns);
	assert.match(await page.textContent('#panel-selection'),
		/What the program said in it.*request 0xfedcba9876543210/);
	await page.click('#panel-selection button:has-text("request 0xfedcba9876543210")');
	await calm(page);
	const lane = await page.evaluate(() => ({ ...window.uvtrace.view.lanes[0], worker: null }));
	const [x, y] = await spotOf(page, 0, (request.start_ns + request.end_ns) / 2);
	const rows = await page.evaluate(() => window.uvtrace.view.process.workers[0].span_rows);
	await page.mouse.move(x, y - 8 - 6 - 12 * (rows - 1 - request.depth));
	await page.waitForSelector('#tip:not([hidden])');
	assert.match(await page.textContent('#tip'), /request 0xfedcba9876543210/);
	await shoot(page, 'spans');
	assert.ok(lane.band > 0);
	await press(page, 'k');
	assert.equal(await page.evaluate(() => window.uvtrace.view.lanes[0].band), 0);
	assert.equal(await page.isChecked('#said'), false);
	assert.equal((await drawnTypes(page)).some((type) => type > STROKE.CPU), false);
	await page.check('#said');
	await calm(page);
	assert.ok((await page.evaluate(() => window.uvtrace.view.lanes[0].band)) > 0);
	await page.click('#tab-spans');
	assert.equal(await page.locator('[data-table=spans] tbody tr').count(), truth.spans.length);
	assert.equal(await page.locator('[data-table=marks] tbody tr').count(), truth.marks.length);
	await page.click('[data-table=spans] [data-key=count]');
	assert.match(await page.textContent('[data-table=spans] tbody tr:first-child'), /^tick/);
	await closePage(page);
});

test('panels of requests, timers and wake-ups lead to where their figures come from', async () => {
	const folder = traced('examples/long_sleep'), truth = analyze(folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	await page.click('#tab-requests');
	assert.equal(truth.pending_count, 1);
	assert.match(await page.textContent('#panel-requests'), /1 request still on their way/);
	assert.equal(await page.locator('[data-table=lives] tbody tr').count(),
		truth.requests.length);
	await page.click('#panel-requests .rows button');
	await page.waitForFunction((object) => window.uvtrace.view.life?.object === object,
		truth.pending[0].object);
	const { events } = await page.evaluate(() => window.uvtrace.view.life);
	assert.ok(events.some(({ event }) => event === 'RequestSubmit'));
	await page.click('#tab-timers');
	assert.equal(await page.locator('[data-table=timers] tbody tr').count(),
		truth.timers.by_site.length);
	assert.equal(await page.locator('[data-table=dispatch] tbody tr').count(),
		truth.dispatch.length);
	const most = truth.timers.most_in_turn_start_ns;
	await page.click('#panel-timers button:has-text("Show")');
	await calm(page);
	const { from, to } = await shown(page);
	assert.ok(from < most && most < to);
	await closePage(page);
	const wakes = traced('fixtures/async_wakeups'), other = await openPage(browser.context);
	await load(other, segmentsOf(wakes));
	await other.click('#tab-timers');
	assert.equal(await other.locator('[data-table=wakeups] tbody tr').count(),
		analyze(wakes).wakeups.length);
	await other.click('[data-table=wakeups] [data-key=count]');
	assert.equal(
		await other.locator(
		'[data-table=wakeups] th[aria-sort=descending] [data-key=count]').count(), 1);
	await closePage(other);
});

test('what stuck callbacks were in: the frames come with the trace, and lead to their poll',
	async () => {
	const folder = traced('examples/long_sleep'),
		file = path.join(BUILD, 'viewer-test', 'stalls.html'), truth = analyze(folder);
	execFileSync(path.join(BUILD, 'analyze_trace'), ['--html', file, folder]);
	const page = await openPage(browser.context, file);
	await settle(page);
	await page.click('#tab-stalls');
	assert.ok(truth.stalls.length > 0 && truth.stalls[0].frames.length > 0);
	assert.deepEqual((await figuresOf(page)).stalls, truth.stalls);
	assert.equal(await page.locator('#panel-stalls .stall').count(), truth.stalls.length);
	assert.equal(
		await page.locator('#panel-stalls .stall >> nth=0').locator('.frames li').count(),
		truth.stalls[0].frames.length);
	await page.click('#panel-stalls .stall button >> nth=0');
	await page.waitForFunction((start) => window.uvtrace.view.selected?.start_ns === start,
		truth.stalls[0].start_ns);
	await page.click('#tab-stalls');
	await shoot(page, 'stalls');
	await closePage(page);
});
