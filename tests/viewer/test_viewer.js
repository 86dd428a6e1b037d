/* SPDX-License-Identifier: Apache-2.0
 *
 * The page in a real browser: every way to load a trace, every way to move and ask, figures against analyze_trace,
 * bad input, accessibility, and screenshots to look at. Truth is what analyze_trace says, or what the page said before.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { AXE, BUILD, IN_FIREFOX, PAGE, analyze, calm, closeBrowsers, closePage, generated, load, openBrowser, openPage, segmentsOf, selected, settle, shoot, shown, traced, tracedOff } from './harness.js';

const GOLDEN = path.resolve('tests/golden');
const NAMES = ['callback', 'caller', 'file', 'line', 'module', 'caller_file', 'caller_line'];
/* What Firefox's driver cannot do. */
const NOT_IN_FIREFOX = { skip: IN_FIREFOX && 'not by this driver' };
let browser, demo;

before(async () => {
	browser = await openBrowser();
	demo = traced('examples/telemetry_demo');
});

after(closeBrowsers);

function figuresOf(page) {
	return page.evaluate(() => window.uvtrace.currentFigures());
}

/* Everything but names, which the page may know less of: it cannot look into the program's files. */
function withoutNames(value) {
	if (Array.isArray(value))
		return value.map(withoutNames);
	if (value === null || typeof value !== 'object')
		return value;
	return Object.fromEntries(Object.entries(value).filter(([key]) => !NAMES.includes(key)).map(([key, inner]) => [key, withoutNames(inner)]));
}

/* Findings say names in their sentences, and what a stuck callback was in is known by names. */
function withoutSentences(report) {
	return { ...withoutNames(report), stalls: report.stalls.length, findings: report.findings.map(({ id, severity, cost_ns: cost, from_ns: from, to_ns: to }) => [id, severity, cost, from, to]) };
}

async function withDemo(body, fragment = '') {
	const page = await openPage(browser.context, PAGE, fragment);
	await load(page, segmentsOf(demo));
	await body(page);
	await closePage(page);
}

async function drop(page, paths) {
	const cdp = await page.context().newCDPSession(page);
	const data = { items: [], files: paths, dragOperationsMask: 1 };
	for (const type of ['dragEnter', 'dragOver', 'dragOver', 'drop']) {
		await cdp.send('Input.dispatchDragEvent', { type, x: 400, y: 400, data });
		await page.waitForTimeout(100);
	}
}

async function box(page, id = 'timeline') {
	return page.locator('#' + id).boundingBox();
}

/* Where a poll is drawn. */
async function spotOf(page, worker, ns) {
	const { x, y } = await box(page);
	const at = await page.evaluate(([position, time]) => {
		const { view, state } = window.uvtrace;
		const lane = view.lanes.find((one) => one.position === position);
		const width = document.getElementById('timeline').clientWidth - 176;
		return [176 + ((time - state.from) / (state.to - state.from)) * width, lane.top - view.scroll + 8];
	}, [worker, ns]);
	return [x + at[0], y + at[1]];
}

async function width(page) {
	const { from, to } = await shown(page);
	return to - from;
}

async function press(page, key) {
	await page.keyboard.press(key);
	await calm(page);
}

// ---- Loading --------------------------------------------------------------------------------------------------

test('one file by the picker', () => withDemo(async (page) => {
	const figures = await figuresOf(page);
	assert.equal(figures.events, analyze(demo).events);
	assert.match(await page.textContent('#summary'), /events/);
}));

test('several segments by the picker', async () => {
	const folder = generated(400000, '--file-bytes=200000');
	const page = await openPage(browser.context);
	assert.ok(segmentsOf(folder).length > 2);
	await load(page, segmentsOf(folder));
	assert.equal((await figuresOf(page)).segments, segmentsOf(folder).length);
	assert.deepEqual(withoutNames(await figuresOf(page)), withoutNames(analyze(folder)));
	await closePage(page);
});

test('a folder by the picker', NOT_IN_FIREFOX, async () => {
	const page = await openPage(browser.context);
	await page.setInputFiles('#pick-folder', generated(400000, '--file-bytes=200000'));
	await settle(page);
	assert.equal((await figuresOf(page)).events, analyze(generated(400000, '--file-bytes=200000')).events);
	await closePage(page);
});

test('files and a folder by drop', NOT_IN_FIREFOX, async () => {
	const page = await openPage(browser.context);
	await drop(page, segmentsOf(demo));
	await settle(page);
	assert.equal((await figuresOf(page)).events, analyze(demo).events);
	const folder = generated(400000, '--file-bytes=200000');
	await drop(page, [folder]);
	await page.waitForFunction((events) => window.uvtrace.currentFigures()?.events === events, analyze(folder).events);
	await settle(page);
	await closePage(page);
});

test('a page with the trace inside, with names and source lines', async () => {
	const file = path.join(BUILD, 'viewer-test', 'demo.html');
	execFileSync(path.join(BUILD, 'analyze_trace'), ['--html', file, demo]);
	const page = await openPage(browser.context, file);
	await settle(page);
	assert.deepEqual(await figuresOf(page), analyze(demo));
	await closePage(page);
});

for (const name of ['echo.bin.gz', 'echo.bin.zst']) {
	test(`a compressed segment, ${name}`, async () => {
		const page = await openPage(browser.context);
		await load(page, [path.join(GOLDEN, name)]);
		assert.deepEqual(withoutNames(await figuresOf(page)), withoutNames(analyze(path.join(GOLDEN, 'echo.bin'))));
		await closePage(page);
	});
}

/* Larger than one piece of what is inflated at a time, and by whom the browser knows nothing of zstd. */
test('a large segment, by gzip and zstd, without the browser’s help', async () => {
	const [whole] = segmentsOf(generated(2000000, '--file-bytes=100000000'));
	for (const [tool, ending] of [['gzip', 'gz'], ['zstd', 'zst']]) {
		const packed = path.join(BUILD, 'viewer-test', `large.bin.${ending}`);
		execFileSync('sh', ['-c', `${tool} -c "${whole}" > "${packed}"`]);
		const page = await openPage(browser.context);
		await load(page, [packed]);
		assert.deepEqual(withoutNames(await figuresOf(page)), withoutNames(analyze(whole)));
		await closePage(page);
	}
	assert.ok(fs.readFileSync(PAGE, 'utf8').includes('fzstd'));
});

test('of a compressed segment that is cut off the rest is shown', async () => {
	for (const ending of ['gz', 'zst']) {
		const whole = fs.readFileSync(path.join(BUILD, 'viewer-test', `large.bin.${ending}`));
		const cut = path.join(BUILD, 'viewer-test', `half.bin.${ending}`);
		fs.writeFileSync(cut, whole.subarray(0, whole.length / 2));
		const page = await openPage(browser.context);
		await load(page, [cut]);
		assert.match(await page.textContent('#panel-findings .warnings'), /the compressed data is damaged or cut off/);
		const found = (await figuresOf(page)).events, truth = analyze(cut).events;
		assert.ok(found > 0 && found <= truth && found > truth * 0.9, `${found} of ${truth}`);
		await closePage(page);
	}
});

test('several processes: one is shown, the others can be', async () => {
	const other = traced('examples/marked_requests');
	const both = path.join(BUILD, 'viewer-test', 'both');
	fs.rmSync(both, { recursive: true, force: true });
	fs.mkdirSync(both);
	for (const file of [...segmentsOf(demo), ...segmentsOf(other)])
		fs.copyFileSync(file, path.join(both, path.basename(path.dirname(file)) + '-' + path.basename(file)));
	const { processes: truth } = analyze(both);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(both));
	await settle(page);
	assert.equal(await page.locator('#process option').count(), 2, await page.textContent('#process'));
	for (const index of [1, 0]) {
		await page.selectOption('#process', String(index));
		await page.waitForFunction((pid) => window.uvtrace.currentFigures()?.pid === pid && window.uvtrace.view.process, truth[index].pid);
		await settle(page);
		assert.deepEqual(withoutSentences(await figuresOf(page)), withoutSentences(truth[index]));
		assert.equal((await shown(page)).process, index);
	}
	await closePage(page);
});

// ---- Figures --------------------------------------------------------------------------------------------------

for (const name of fs.readdirSync(GOLDEN).filter((one) => one.endsWith('.bin'))) {
	test(`golden ${name}: the figures of analyze_trace, or what is wrong`, async () => {
		const page = await openPage(browser.context);
		let truth = null;
		try {
			truth = JSON.parse(execFileSync(path.join(BUILD, 'analyze_trace'), ['--json', name], { cwd: GOLDEN, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
		} catch (error) {
			assert.equal(error.status, 1);
		}
		await page.setInputFiles('#pick-files', path.join(GOLDEN, name));
		if (truth) {
			await settle(page);
			/* Frames, and the sentences made of them, need the program's files, which a page has not. */
			const comparable = truth.stalls.length > 0 ? withoutSentences : withoutNames;
			assert.deepEqual(comparable(await figuresOf(page)), comparable(truth));
			for (const problem of truth.problems)
				assert.ok((await page.textContent('#panel-findings')).includes(problem), problem);
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
	assert.deepEqual(await figuresOf(page), analyze(`--from=${range.rangeFrom}ns`, `--to=${range.rangeTo}ns`, demo));
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
	const figures = await figuresOf(page), truth = analyze(`--long-poll=${long}ns`, `--idle=${idle}ns`, demo);
	assert.equal(figures.long_poll_count, truth.long_poll_count);
	assert.equal(figures.idle_period_count, truth.idle_period_count);
}));

test('tables show and sort the figures', () => withDemo(async (page) => {
	const truth = analyze(demo);
	await page.click('#tab-callbacks');
	assert.equal(await page.locator('#panel-callbacks tbody tr').count(), truth.callbacks.length);
	for (const key of ['count', 'total_ns', 'p50_ns', 'p99_ns', 'max_ns']) {
		await page.click(`#panel-callbacks [data-key=${key}]`);
		const least = await page.locator('#panel-callbacks th[aria-sort=ascending]').count();
		const first = await page.locator('#panel-callbacks tbody tr:first-child').textContent();
		const values = truth.callbacks.map((row) => row[key]);
		const wanted = (least ? Math.min : Math.max)(...values);
		if (key === 'count')
			assert.ok(first.includes(wanted.toLocaleString('en-US')), first);
		assert.equal(await page.locator(`#panel-callbacks th[aria-sort=${least ? 'ascending' : 'descending'}] [data-key=${key}]`).count(), 1);
	}
	await page.click('#tab-workers');
	assert.equal(await page.locator('#panel-workers tbody tr').count(), truth.workers.length);
}));

// ---- Moving ---------------------------------------------------------------------------------------------------

test('wheel and pinch zoom at the pointer, keys zoom and move, undo goes back', () => withDemo(async (page) => {
	const whole = await width(page);
	const { x, y, width: pixels } = await box(page);
	await page.mouse.move(x + 600, y + 200);
	const under = () => page.evaluate(([at, w]) => {
		const { state } = window.uvtrace;
		return state.from + ((at - 176) / (w - 176)) * (state.to - state.from);
	}, [600, pixels]);
	const fixed = await under();
	await page.mouse.wheel(0, -400);
	await calm(page);
	assert.ok((await width(page)) < whole * 0.8);
	assert.ok(Math.abs((await under()) - fixed) < whole * 1e-3);
	const zoomed = await width(page);
	await page.keyboard.press('Control');
	await page.dispatchEvent('#timeline', 'wheel', { deltaY: -40, ctrlKey: true, clientX: x + 600, clientY: y + 200, bubbles: true, cancelable: true });
	await calm(page);
	assert.ok((await width(page)) < zoomed);
	for (const [key, check] of [['w', (a, b) => b.to - b.from < a.to - a.from], ['s', (a, b) => b.to - b.from > a.to - a.from],
		['a', (a, b) => b.from < a.from], ['d', (a, b) => b.from > a.from], ['ArrowLeft', (a, b) => b.from < a.from], ['ArrowRight', (a, b) => b.from > a.from]]) {
		const then = await shown(page);
		await press(page, key);
		assert.ok(check(then, await shown(page)), key);
	}
	await page.waitForTimeout(700);
	const then = await shown(page);
	await press(page, 'f');
	assert.ok(Math.abs((await width(page)) - whole) < 1);
	await press(page, 'u');
	assert.ok(Math.abs((await shown(page)).from - then.from) < 0.001); /* of a nanosecond: sums are rounded */
}));

test('two fingers pinch', NOT_IN_FIREFOX, async () => {
	const touch = await openBrowser({ hasTouch: true });
	const page = await openPage(touch.context);
	await load(page, segmentsOf(demo));
	const whole = await width(page), { x, y } = await box(page);
	const cdp = await page.context().newCDPSession(page);
	const fingers = (apart) => [{ x: x + 600 - apart, y: y + 100, id: 1 }, { x: x + 600 + apart, y: y + 100, id: 2 }];
	await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(40) });
	for (let apart = 60; apart <= 200; apart += 20)
		await cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: fingers(apart) });
	await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
	await calm(page);
	assert.ok((await width(page)) < whole / 2);
	await closePage(page);
	await touch.close();
});

test('drag moves, shift-drag and drag on the times select a range', () => withDemo(async (page) => {
	const { x, y } = await box(page);
	await press(page, 'w');
	await press(page, 'w');
	const then = await shown(page);
	const drag = async (fromX, toX, atY) => {
		await page.mouse.move(x + fromX, y + atY);
		await page.mouse.down();
		await page.mouse.move(x + (fromX + toX) / 2, y + atY);
		await page.mouse.move(x + toX, y + atY);
		await page.mouse.up();
		await calm(page);
	};
	await drag(600, 500, 200);
	assert.ok((await shown(page)).from > then.from);
	await page.keyboard.down('Shift');
	await drag(400, 600, 200);
	await page.keyboard.up('Shift');
	await settle(page);
	const first = await shown(page);
	assert.ok(first.rangeTo > first.rangeFrom);
	const figures = await figuresOf(page);
	assert.ok(Math.abs(figures.from_ns - first.rangeFrom) < 2000 && figures.to_ns <= first.rangeTo + 2000);
	await drag(300, 350, 10);
	await settle(page);
	assert.notEqual((await shown(page)).rangeFrom, first.rangeFrom);
	await press(page, 'Escape');
	assert.equal((await shown(page)).rangeFrom, null);
	await press(page, 'm');
	assert.equal((await shown(page)).rangeFrom, (await shown(page)).from);
}));

test('the strip above is dragged', () => withDemo(async (page) => {
	const strip = await box(page, 'strip');
	await press(page, 'w');
	await press(page, 'w');
	await press(page, 'w');
	const wide = await width(page);
	await page.mouse.click(strip.x + 300, strip.y + 20);
	await calm(page);
	const then = await shown(page);
	await page.mouse.move(strip.x + 300, strip.y + 20);
	await page.mouse.down();
	await page.mouse.move(strip.x + 420, strip.y + 20, { steps: 4 });
	await page.mouse.up();
	await calm(page);
	assert.ok((await shown(page)).from > then.from);
	assert.ok(Math.abs((await width(page)) - wide) < 2);
}));

// ---- Polls ----------------------------------------------------------------------------------------------------

test('a click on a poll tells about it, hovering too', () => withDemo(async (page) => {
	const longest = analyze(demo).long_polls[0];
	await page.evaluate((poll) => window.uvtrace.change({ from: poll.start_ns - 1e6, to: poll.start_ns + poll.duration_ns + 1e6 }), longest);
	await calm(page);
	const [x, y] = await spotOf(page, longest.worker - 1, longest.start_ns + longest.duration_ns / 2);
	await page.mouse.move(x, y);
	await page.waitForSelector('#tip:not([hidden])');
	assert.match(await page.textContent('#tip'), /ms/);
	await page.mouse.click(x, y);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const poll = await selected(page);
	assert.equal(poll.start_ns, longest.start_ns);
	assert.equal(poll.duration_ns, longest.duration_ns);
	const text = await page.textContent('#panel-selection');
	for (const word of ['Kind', longest.kind, 'Callback', 'Registered', 'Handle', '0x', 'Start', 'Duration', 'Its turn'])
		assert.ok(text.includes(word), word);
	await shoot(page, 'selection');
}));

test('next and previous long poll, in order and no other', () => withDemo(async (page) => {
	const truth = analyze(demo).long_polls.map((poll) => poll.start_ns).sort((a, b) => a - b);
	await page.evaluate(() => window.uvtrace.change({ from: -1000, to: 1e6 }));
	const seen = [];
	for (const _ of truth) {
		const then = (await selected(page))?.tick;
		await page.keyboard.press('n');
		await page.waitForFunction((tick) => window.uvtrace.view.selected && window.uvtrace.view.selected.tick !== tick, then ?? null);
		seen.push((await selected(page)).start_ns);
	}
	assert.deepEqual(seen, truth);
	await page.keyboard.press('n');
	await page.waitForSelector('#message:not([hidden])');
	await page.click('#long-previous');
	await page.waitForFunction((at) => window.uvtrace.view.selected.start_ns === at, truth[truth.length - 2]);
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
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick === tick, first.tick);
	await page.click('#search-next');
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick > tick, first.tick);
	const sites = await page.evaluate(() => window.uvtrace.view.process.sites.map((site) => site.kind));
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
	await page.waitForFunction((tick) => window.uvtrace.view.selected.tick === tick, first.tick);
}));

test('a request of the pool: its work, who submitted it, what it woke, and its life', () => withDemo(async (page) => {
	await page.evaluate(() => window.uvtrace.change({ query: 'fs_stat' }));
	await page.click('#search-next');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const { wakes } = await selected(page);
	assert.deepEqual(wakes.map((wake) => wake.what).sort(), ['done on the pool', 'submitted to the pool']);
	for (const wake of wakes)
		assert.ok(wake.to_ns >= wake.from_ns);
	await page.click('text=Follow its life');
	await page.waitForFunction(() => window.uvtrace.view.life);
	const life = await page.evaluate(() => window.uvtrace.view.life.events.map((event) => event.event));
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
	assert.ok(wakes.some((wake) => wake.what === 'uv_async_send' && wake.to_ns >= wake.from_ns), JSON.stringify(wakes));
	await page.keyboard.press('z');
	await calm(page);
	await shoot(page, 'async');
	await closePage(page);
});

test('a row of the findings and of the callbacks goes to its poll', () => withDemo(async (page) => {
	const truth = analyze(demo);
	await page.click('#panel-findings .rows button >> nth=0');
	/* Whichever it is: on a busy machine another poll may be longer than the one that the finding is about. */
	await page.waitForFunction((starts) => starts.includes(window.uvtrace.view.selected?.start_ns), truth.long_polls.map((poll) => poll.start_ns));
	const first = (await selected(page)).start_ns;
	const { from, to } = await shown(page);
	assert.ok(from < first && to > first);
	await page.click('#clear');
	await page.waitForFunction(() => !window.uvtrace.view.selected);
	await page.click('#tab-callbacks');
	await page.click('#panel-callbacks tbody tr:nth-child(2) button');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	const { max_ns: longest } = (await figuresOf(page)).callbacks[1]; /* by the mean rate of the clock, not that of this moment */
	assert.ok(Math.abs((await selected(page)).duration_ns / longest - 1) < 1e-5);
	await page.click('#tab-workers');
	await page.click('#panel-workers tbody tr:nth-child(2) button');
	await calm(page);
}));

/* What is written on the canvas, from now on. */
async function textsOf(page) {
	await page.evaluate(() => {
		const { fillText } = CanvasRenderingContext2D.prototype;
		window.drawnTexts = new Set();
		CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
			window.drawnTexts.add(text);
			return fillText.call(this, text, ...rest);
		};
		window.uvtrace.redraw();
	});
	await calm(page);
	return page.evaluate(() => [...window.drawnTexts]);
}

/* The canvas' colour at a time, so far below the top of a lane. */
function colorAt(page, position, ns, below) {
	return page.evaluate(([worker, time, y]) => {
		const { view, state } = window.uvtrace, canvas = document.getElementById('timeline');
		const lane = view.lanes.find((one) => one.position === worker), ratio = canvas.width / canvas.clientWidth;
		const x = 176 + ((time - state.from) / (state.to - state.from)) * (canvas.clientWidth - 176);
		const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
		copy.drawImage(canvas, -Math.round(x * ratio), -Math.round((lane.top - view.scroll + y) * ratio));
		return [...copy.getImageData(0, 0, 1, 1).data].join();
	}, [position, ns, below]);
}

function strokesOf(page, columns = 2000) {
	return page.evaluate(async (width) => {
		const { view, ask } = window.uvtrace;
		const drawn = await ask('overview', { from: view.process.start_ns - 1e6, to: view.process.end_ns + 1e6, columns: width, said: true });
		const words = new Uint32Array(drawn.strokes), bytes = new Uint8Array(drawn.strokes), floats = new Float64Array(drawn.strokes);
		return [...Array(bytes.length / 64).keys()].map((i) => ({
			lane: drawn.ends.findIndex((end) => i < end), start: floats[i * 8], end: floats[i * 8 + 1], count: words[i * 16 + 10], site: words[i * 16 + 11],
			low: words[i * 16 + 12], high: words[i * 16 + 13], type: bytes[i * 64 + 56], depth: bytes[i * 64 + 57], flags: bytes[i * 64 + 58],
		}));
	}, columns);
}

// ---- What is drawn --------------------------------------------------------------------------------------------

const NO_CPP = { skip: !fs.existsSync(path.join(BUILD, 'fixtures/throw')) && 'no C++ compiler' };

test('C++ names and static functions are those of analyze_trace, without a look into the program’s files', NO_CPP, async () => {
	const folder = traced('fixtures/throw');
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const names = (report) => report.callbacks.map((row) => row.callback);
	assert.deepEqual(names(await figuresOf(page)), names(analyze(folder)));
	await page.click('#tab-callbacks');
	const name = page.locator('#panel-callbacks .name', { hasText: 'on_timer' });
	assert.equal(await name.textContent(), 'cache_of_answers<unsigned long, …char>::on_timer');
	assert.equal(await name.getAttribute('title'), 'cache_of_answers<unsigned long, unsigned char>::on_timer');
	await closePage(page);
});

test('polls inside polls have a row of their own', async () => {
	const folder = traced('fixtures/nested'), truth = analyze(folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const nested = (await strokesOf(page)).filter((stroke) => stroke.type <= 3 && stroke.depth > 0);
	assert.ok(truth.workers[0].nested_polls > 0);
	assert.equal(nested.reduce((sum, stroke) => sum + stroke.count, 0), truth.workers.reduce((sum, worker) => sum + worker.nested_polls, 0));
	const inner = analyze('--long-poll=1ns', '--top=10000', folder).long_polls.find((poll) => poll.nested);
	const from = inner.start_ns - inner.duration_ns, to = inner.start_ns + 2 * inner.duration_ns;
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
	const { off, start, end } = await page.evaluate(() => ({ off: window.uvtrace.view.process.off, start: window.uvtrace.view.process.start_ns, end: window.uvtrace.view.process.end_ns }));
	assert.equal(off.length, 2);
	assert.ok(Math.abs(off[1] - off[0] - truth.switched_off_ns) < 1000);
	assert.ok((await textsOf(page)).includes('recording off'));
	const inside = await colorAt(page, 0, (off[0] + off[1]) / 2, 4), beside = await colorAt(page, 0, start + (off[0] - start) * 0.03, 4);
	assert.notEqual(inside, beside);
	assert.notEqual(inside, await colorAt(page, 0, off[1] + (end - off[1]) * 0.97, 4));
	assert.match(await page.textContent('#panel-findings .warnings'), /Recording was switched off/);
	await shoot(page, 'off');
	await closePage(page);
});

test('a program whose callbacks cannot be seen says so on its lanes', async () => {
	const folder = traced('fixtures/slow_hidden');
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	assert.equal((await figuresOf(page)).tier, 'libc');
	assert.ok((await textsOf(page)).some((text) => text.startsWith('waits only (libc tier)')));
	assert.match(await page.textContent('#panel-findings .warnings'), /Tier “libc”/);
	assert.ok((await strokesOf(page)).some((stroke) => stroke.type === 2 || stroke.type === 3), 'its waits are drawn');
	await shoot(page, 'libc');
	await closePage(page);
});

test('marks and spans: as many as were made, in the poll that served them, hidden by a key', async () => {
	const folder = traced('fixtures/marks'), truth = analyze(folder);
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const strokes = await strokesOf(page), count = (type) => strokes.filter((stroke) => stroke.type === type).reduce((sum, stroke) => sum + stroke.count, 0);
	assert.equal(count(7), truth.marks.reduce((sum, row) => sum + row.count, 0));
	assert.equal(count(6), truth.spans.reduce((sum, row) => sum + row.count + row.open + row.begins_alone, 0));
	const request = strokes.find((stroke) => stroke.type === 6 && stroke.low === 0x76543210);
	assert.equal(request.high, 0xfedcba98);
	assert.equal(request.end - request.start, truth.spans.find((row) => row.name === 'request').slowest.duration_ns);
	assert.ok((await textsOf(page)).includes('request 0xfedcba9876543210'));
	const slow = truth.long_polls.find((poll) => poll.spans.some((span) => span.name === 'request'));
	await page.click(`#panel-findings .rows button:has-text("${(slow.duration_ns / 1e6).toPrecision(3)} ms")`);
	await page.waitForFunction((start) => window.uvtrace.view.selected?.start_ns === start, slow.start_ns);
	assert.match(await page.textContent('#panel-selection'), /What the program said in it.*request 0xfedcba9876543210/);
	await page.click('#panel-selection button:has-text("request 0xfedcba9876543210")');
	await calm(page);
	const lane = await page.evaluate(() => ({ ...window.uvtrace.view.lanes[0], worker: null }));
	const [x, y] = await spotOf(page, 0, (request.start + request.end) / 2);
	await page.mouse.move(x, y - 8 - 6 - 12 * ((await page.evaluate(() => window.uvtrace.view.process.workers[0].span_rows)) - 1 - request.depth));
	await page.waitForSelector('#tip:not([hidden])');
	assert.match(await page.textContent('#tip'), /request 0xfedcba9876543210/);
	await shoot(page, 'spans');
	assert.ok(lane.band > 0);
	await press(page, 'k');
	assert.equal(await page.evaluate(() => window.uvtrace.view.lanes[0].band), 0);
	assert.equal(await page.isChecked('#said'), false);
	assert.equal(await page.evaluate(() => new Uint8Array(window.uvtrace.view.drawn.strokes).some((byte, i) => i % 64 === 56 && byte > 5)), false);
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
	assert.equal(await page.locator('[data-table=lives] tbody tr').count(), truth.requests.length);
	await page.click('#panel-requests .rows button');
	await page.waitForFunction((object) => window.uvtrace.view.life?.object === object, truth.pending[0].object);
	assert.ok((await page.evaluate(() => window.uvtrace.view.life.events.map((event) => event.event))).includes('RequestSubmit'));
	await page.click('#tab-timers');
	assert.equal(await page.locator('[data-table=timers] tbody tr').count(), truth.timers.by_site.length);
	assert.equal(await page.locator('[data-table=dispatch] tbody tr').count(), truth.dispatch.length);
	const most = truth.timers.most_in_turn_start_ns;
	await page.click('#panel-timers button:has-text("Show")');
	await calm(page);
	const { from, to } = await shown(page);
	assert.ok(from < most && most < to);
	await closePage(page);
	const wakes = traced('fixtures/async_wakeups'), other = await openPage(browser.context);
	await load(other, segmentsOf(wakes));
	await other.click('#tab-timers');
	assert.equal(await other.locator('[data-table=wakeups] tbody tr').count(), analyze(wakes).wakeups.length);
	await other.click('[data-table=wakeups] [data-key=count]');
	assert.equal(await other.locator('[data-table=wakeups] th[aria-sort=descending] [data-key=count]').count(), 1);
	await closePage(other);
});

test('what stuck callbacks were in: the frames come with the trace, and lead to their poll', async () => {
	const folder = traced('examples/long_sleep'), file = path.join(BUILD, 'viewer-test', 'stalls.html'), truth = analyze(folder);
	execFileSync(path.join(BUILD, 'analyze_trace'), ['--html', file, folder]);
	const page = await openPage(browser.context, file);
	await settle(page);
	await page.click('#tab-stalls');
	assert.ok(truth.stalls.length > 0 && truth.stalls[0].frames.length > 0);
	assert.deepEqual((await figuresOf(page)).stalls, truth.stalls);
	assert.equal(await page.locator('#panel-stalls .stall').count(), truth.stalls.length);
	assert.equal(await page.locator('#panel-stalls .stall >> nth=0').locator('.frames li').count(), truth.stalls[0].frames.length);
	await page.click('#panel-stalls .stall button >> nth=0');
	await page.waitForFunction((start) => window.uvtrace.view.selected?.start_ns === start, truth.stalls[0].start_ns);
	await page.click('#tab-stalls');
	await shoot(page, 'stalls');
	await closePage(page);
});

// ---- Filters, state -------------------------------------------------------------------------------------------

function countsByLane(page) {
	return page.evaluate(async () => {
		const { view, ask } = window.uvtrace;
		const drawn = await ask('overview', { from: view.process.start_ns - 1e6, to: view.process.end_ns + 1e6, columns: 2000 });
		const words = new Uint32Array(drawn.strokes), bytes = new Uint8Array(drawn.strokes);
		return [...drawn.ends].map((end, i) => {
			let sum = 0;
			for (let at = i ? drawn.ends[i - 1] : 0; at < end; at++)
				sum += bytes[at * 64 + 56] <= 3 ? words[at * 16 + 10] : 0;
			return sum;
		});
	});
}

test('as many polls are drawn as were counted, filtered or not', () => withDemo(async (page) => {
	const truth = analyze(demo);
	assert.deepEqual(await countsByLane(page), truth.workers.map((worker) => worker.polls));
	await page.click('#filters summary');
	await page.selectOption('#filter-kind', 'timer');
	await settle(page);
	const timers = truth.callbacks.filter((row) => row.kind === 'timer').reduce((sum, row) => sum + row.count, 0);
	assert.deepEqual(await countsByLane(page), truth.workers.map((worker, i) => (i ? 0 : timers)));
	await page.selectOption('#filter-kind', '');
	await page.locator('#shortest').fill('30');
	await settle(page);
	const long = (await countsByLane(page)).reduce((sum, count) => sum + count, 0);
	assert.equal(long, truth.long_poll_count);
	await page.click('#filter-clear');
	await page.fill('#filter-callback', 'fs_stat');
	await page.waitForFunction(() => window.uvtrace.state.callback === 'fs_stat');
	await settle(page);
	const stats = truth.callbacks.filter((row) => row.kind === 'fs_stat').reduce((sum, row) => sum + row.count, 0);
	assert.equal((await countsByLane(page)).reduce((sum, count) => sum + count, 0), stats);
	await page.uncheck('#worker-list input >> nth=1');
	await calm(page);
	assert.equal((await shown(page)).hidden, '2');
	assert.equal(await page.evaluate(() => window.uvtrace.view.lanes.length), truth.workers.length - 1);
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
	const life = await page.evaluate((handle) => window.uvtrace.ask('follow', { object: Number(handle) }), object);
	assert.equal(runs, life.events.filter((event) => event.event === 'Poll').length);
}));

test('the state lies in the fragment, and is taken from it', () => withDemo(async (page) => {
	await press(page, 'w');
	await press(page, 'n');
	await page.waitForFunction(() => window.uvtrace.view.selected);
	await press(page, 'c');
	await press(page, 't');
	await page.evaluate(() => window.uvtrace.change({ rangeFrom: 1e6, rangeTo: 9e6, shortest: 2e4, hidden: '3' }));
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

test('the remaining ways to move and to ask', () => withDemo(async (page) => {
	const { x, y, height } = await box(page);
	const longest = analyze(demo).long_polls[0];
	await page.evaluate((poll) => window.uvtrace.change({ from: poll.start_ns - poll.duration_ns * 0.3, to: poll.start_ns + poll.duration_ns * 1.3 }), longest);
	await calm(page);
	const wide = await width(page), spot = await spotOf(page, longest.worker - 1, longest.start_ns + longest.duration_ns / 2);
	await page.mouse.dblclick(...spot);
	if (IN_FIREFOX) /* to whom the driver tells two clicks that are none together */
		await page.dispatchEvent('#timeline', 'dblclick', { clientX: spot[0], clientY: spot[1] });
	await page.waitForFunction((before) => window.uvtrace.state.to - window.uvtrace.state.from !== before, wide);
	await page.waitForFunction(() => window.uvtrace.view.selected);
	await press(page, 'l');
	await page.waitForFunction(() => window.uvtrace.view.life);
	const { life, selected: poll } = await page.evaluate(() => ({ life: window.uvtrace.view.life, selected: window.uvtrace.view.selected }));
	assert.equal(life.object, poll.life_of);
	await page.click('#clear');
	await page.waitForFunction(() => !window.uvtrace.view.selected && !window.uvtrace.view.life);
	await page.mouse.move(x + 500, y + height - 20);
	await page.waitForSelector('#tip:not([hidden])');
	assert.match(await page.textContent('#tip'), /ready fds/);
	await page.evaluate(() => {
		const { start_ns: start, end_ns: end } = window.uvtrace.view.process;
		window.uvtrace.change({ from: start + (end - start) * 0.3, to: start + (end - start) * 0.5 });
	});
	await calm(page);
	await page.mouse.move(x + 500, y + 150);
	await page.keyboard.down('Shift');
	const before = await shown(page);
	await page.mouse.wheel(0, 300);
	await page.keyboard.up('Shift');
	await calm(page);
	assert.ok((await shown(page)).from > before.from);
	assert.ok(Math.abs((await width(page)) - (before.to - before.from)) < 1);
	const wheeled = await shown(page);
	await page.click('#tab-findings');
	await page.click('.findings button >> nth=0');
	await calm(page);
	const finding = (await figuresOf(page)).findings[0], view = await shown(page);
	assert.ok(view.from <= finding.from_ns && view.to >= finding.to_ns);
	await page.keyboard.press('Control+z');
	await calm(page);
	assert.ok(Math.abs((await shown(page)).from - wheeled.from) < 0.001); /* of a nanosecond: sums are rounded */
	await page.selectOption('#color', 'duration');
	await page.selectOption('#time', 'clock');
	assert.deepEqual([(await shown(page)).color, (await shown(page)).time], ['duration', 'clock']);
	await page.click('#help-open');
	await page.click('#help-close');
	await page.focus('#tab-findings');
	await page.keyboard.press('ArrowRight');
	assert.equal((await shown(page)).tab, 'callbacks');
}));

test('many workers are scrolled, by wheel, drag and keys', async () => {
	const folder = traced('fixtures/work', { UV_THREADPOOL_SIZE: '24' });
	const page = await openPage(browser.context);
	await page.setViewportSize({ width: 1000, height: 480 });
	await load(page, segmentsOf(folder));
	const scroll = () => page.evaluate(() => window.uvtrace.view.scroll), { x, y } = await box(page);
	assert.ok((await page.evaluate(() => window.uvtrace.view.lanesHeight)) > 480, 'enough of them');
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
		return view.chosen === view.lanes.length - 1 && lane.top - view.scroll < document.getElementById('timeline').clientHeight;
	}));
	await closePage(page);
});

test('a link to another view of the same trace is followed, and back', () => withDemo(async (page) => {
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
	assert.match(await page.textContent('#help'), /next long poll/);
	await shoot(page, 'help');
	await page.keyboard.press('Escape');
	await page.waitForSelector('#help:not([open])', { state: 'attached' });
}));

// ---- What goes wrong ------------------------------------------------------------------------------------------

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
	const holes = await page.evaluate(async () => {
		const { view, ask } = window.uvtrace;
		const drawn = await ask('overview', { from: view.process.start_ns - 1e6, to: view.process.end_ns + 1e6, columns: 1000 });
		return new Uint8Array(drawn.strokes).filter((byte, i) => i % 64 === 56 && byte === 4).length;
	});
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
	assert.ok(figures.events > 1000 && figures.events < truth.events * 0.6, String(figures.events));
	const options = [`--from=${Math.round(Number(from) * 1e9 + 2e6)}ns`, `--to=${Math.round(Number(to) * 1e9 - 2e6)}ns`];
	await page.evaluate(([a, b]) => window.uvtrace.change({ rangeFrom: a * 1e9 + 2e6, rangeTo: b * 1e9 - 2e6 }), [Number(from), Number(to)]);
	await settle(page);
	assert.deepEqual((await figuresOf(page)).callbacks.map((row) => [row.kind, row.count, row.total_ns]), analyze(...options, folder).callbacks.map((row) => [row.kind, row.count, row.total_ns]));
	await closePage(page);
});

// ---- For everybody --------------------------------------------------------------------------------------------

for (const theme of ['light', 'dark']) {
	test(`axe finds nothing to complain of, ${theme}`, NOT_IN_FIREFOX, async () => {
		const one = await openBrowser({ colorScheme: theme });
		const page = await openPage(one.context);
		const check = async (what) => {
			const found = await page.evaluate(async (source) => {
				if (!window.axe)
					new Function(source).call(window);
				return (await window.axe.run(document, { resultTypes: ['violations'] })).violations.map((violation) =>
					`${violation.id}: ${violation.nodes.map((node) => node.html.slice(0, 90)).join(' | ')}`);
			}, AXE);
			assert.deepEqual(found, [], what);
		};
		await page.context().newCDPSession(page).then((cdp) => cdp.send('Page.setBypassCSP', { enabled: true }));
		await page.reload();
		await page.waitForSelector('body[data-state=ready]', { state: 'attached' });
		await check('welcome');
		await shoot(page, `welcome-${theme}`);
		await load(page, segmentsOf(demo));
		for (const tab of ['findings', 'callbacks', 'workers', 'stalls', 'requests', 'timers', 'spans', 'selection']) {
			await page.click('#tab-' + tab);
			await check(tab);
			await shoot(page, `${tab}-${theme}`);
		}
		await press(page, 'n');
		await page.waitForFunction(() => window.uvtrace.view.selected);
		await check('selected');
		await page.keyboard.press('?');
		await check('help');
		await closePage(page);
		await one.close();
	});
}

test('every control is reached by the tab key', () => withDemo(async (page) => {
	await page.evaluate(() => {
		document.body.tabIndex = -1;
		document.body.focus();
	});
	const reached = new Set();
	for (let i = 0; i < 60; i++) {
		await page.keyboard.press('Tab');
		reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.tagName));
	}
	for (const id of ['search', 'theme', 'help-open', 'color', 'time', 'long', 'idle', 'timeline', 'tab-findings'])
		assert.ok(reached.has(id), id);
}));
