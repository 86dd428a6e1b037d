/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests do with a page: ask what it shows, point at it, and compare its figures with those of
 * analyze_trace. To import this opens a browser before the tests of a file, and closes it after
 * them.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before } from 'node:test';
import {
	IN_FIREFOX, PAGE, calm, closeBrowsers, closePage, load, openBrowser, openPage, segmentsOf,
	shown, traced,
} from './harness.js';

export const GOLDEN = path.resolve('tests/golden');
export const NAMES = ['callback', 'caller', 'file', 'line', 'module', 'caller_file', 'caller_line',
	'root_callback'];
/* What Firefox's driver cannot do. */
export const NOT_IN_FIREFOX = { skip: IN_FIREFOX && 'not by this driver' };
/* What the tests of a file start with: a browser, and the folder with the trace of a program. */
export let browser, demo;

before(async () => {
	browser = await openBrowser();
	demo = traced('examples/telemetry_demo');
});

after(closeBrowsers);

export function figuresOf(page) {
	return page.evaluate(() => window.uvtrace.currentFigures());
}

/* Everything but names, which the page may know less of: it cannot look into the program's
 * files. */
export function withoutNames(value) {
	if (Array.isArray(value))
		return value.map(withoutNames);
	if (value === null || typeof value !== 'object')
		return value;
	return Object.fromEntries(
		Object.entries(value).filter(([key, inner]) => !NAMES.includes(key) &&
			!(key === 'callbacks' && typeof inner[0] === 'string')) // of a signature
		.map(([key, inner]) => [key, withoutNames(inner)]));
}

/* Findings say names in their sentences, and what a stuck callback was in is known by names. */
export function withoutSentences(report) {
	const findings = report.findings.map((one) => [
		one.id, one.severity, one.cost_ns, one.from_ns, one.to_ns,
	]);
	return { ...withoutNames(report), stalls: report.stalls.length, findings };
}

export async function withDemo(body, fragment = '') {
	const page = await openPage(browser.context, PAGE, fragment);
	await load(page, segmentsOf(demo));
	await body(page);
	await closePage(page);
}

export async function drop(page, paths) {
	const cdp = await page.context().newCDPSession(page);
	const data = { items: [], files: paths, dragOperationsMask: 1 };
	for (const type of ['dragEnter', 'dragOver', 'dragOver', 'drop']) {
		await cdp.send('Input.dispatchDragEvent', { type, x: 400, y: 400, data });
		await page.waitForTimeout(100);
	}
}

export async function box(page, id = 'timeline') {
	return page.locator('#' + id).boundingBox();
}

/* Where a poll is drawn. */
export async function spotOf(page, worker, ns) {
	const { x, y } = await box(page);
	const at = await page.evaluate(([position, time]) => {
		const { view, state } = window.uvtrace;
		const lane = view.lanes.find((one) => one.position === position);
		const width = document.getElementById('timeline').clientWidth - 176;
		return [176 + ((time - state.from) / (state.to - state.from)) * width,
			lane.top - view.scroll + 8];
	}, [worker, ns]);
	return [x + at[0], y + at[1]];
}

/* Both ends; to a thousandth of a nanosecond, as sums are rounded. */
export function sameRange(found, wanted) {
	const both = `${found.from} … ${found.to}, not ${wanted.from} … ${wanted.to}`;
	assert.ok(Math.abs(found.from - wanted.from) < 0.001, both);
	assert.ok(Math.abs(found.to - wanted.to) < 0.001, both);
}

/* Shows a poll and so much of its duration on either side. */
export async function showPoll(page, poll, beside) {
	await page.evaluate(
		([{ start_ns: start, duration_ns: lasted }, share]) => window.uvtrace.change({
		from: start - lasted * share, to: start + lasted * (1 + share),
	}), [poll, beside]);
	await calm(page);
}

export async function width(page) {
	const { from, to } = await shown(page);
	return to - from;
}

export async function press(page, key) {
	await page.keyboard.press(key);
	await calm(page);
}

/* What is written on the canvas, from now on. */
export async function textsOf(page) {
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
export function colorAt(page, position, ns, below) {
	return page.evaluate(([worker, time, y]) => {
		const { view, state } = window.uvtrace;
		const canvas = document.getElementById('timeline');
		const width = canvas.clientWidth - 176;
		const lane = view.lanes.find((one) => one.position === worker);
		const ratio = canvas.width / canvas.clientWidth;
		const x = 176 + ((time - state.from) / (state.to - state.from)) * width;
		const copy = document.createElement('canvas')
			.getContext('2d', { willReadFrequently: true });
		copy.drawImage(canvas, -Math.round(x * ratio),
			-Math.round((lane.top - view.scroll + y) * ratio));
		return [...copy.getImageData(0, 0, 1, 1).data].join();
	}, [position, ns, below]);
}

export function strokesOf(page, columns = 2000) {
	return page.evaluate(async (width) => {
		const { view, ask } = window.uvtrace;
		const drawn = await ask('overview', {
			from: view.process.start_ns - 1e6, to: view.process.end_ns + 1e6,
			columns: width, said: true,
		});
		const strokes = new window.uvtrace.Strokes(drawn.strokes);
		const laneOf = (i) => drawn.ends.findIndex((end) => i < end);
		return [...Array(strokes.length).keys()].map((i) => ({
			...strokes.at(i),
			value: `0x${strokes.value(i).toString(16)}`, lane: laneOf(i),
		}));
	}, columns);
}

/* Types of the strokes that the timeline has. */
export function drawnTypes(page) {
	return page.evaluate(() => {
		const { strokes } = window.uvtrace.view.drawn;
		return [...Array(strokes.length).keys()].map((i) => strokes.type(i));
	});
}


export function countsByLane(page) {
	return page.evaluate(async () => {
		const { view, ask } = window.uvtrace;
		const drawn = await ask('overview', {
			from: view.process.start_ns - 1e6, to: view.process.end_ns + 1e6,
			columns: 2000,
		});
		const strokes = new window.uvtrace.Strokes(drawn.strokes);
		return [...drawn.ends].map((end, i) => {
			let sum = 0;
			for (let at = i ? drawn.ends[i - 1] : 0; at < end; at++)
				sum += strokes.type(at) <= window.uvtrace.STROKE.COLUMN
					? strokes.count(at) : 0;
			return sum;
		});
	});
}
