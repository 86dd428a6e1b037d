/* SPDX-License-Identifier: Apache-2.0
 *
 * measure.js [EVENTS ...]: how long synthetic traces of so many events (default: 1, 20 and 100
 * million) take to load in the page, and how long its frames take while the view moves and zooms
 * through them. Prints a table for docs/performance.md.
 */
import fs from 'node:fs';
import {
	closeBrowsers, closePage, generated, load, openBrowser, openPage, segmentsOf,
} from './harness.js';

const FRAMES = 300;

/* Each frame moves the view, at zooms from the whole trace to some microseconds; how far apart
 * frames were, how long drawing one took, and how long the second thread took to answer. */
async function frames(page) {
	return page.evaluate(async (count) => {
		const { view, state, ask, change, frameMs } = window.uvtrace;
		const { start_ns: start, end_ns: end } = view.process;
		const apart = [], answers = [];
		let before = await new Promise(requestAnimationFrame);
		frameMs.length = 0;
		for (let i = 0; i < count; i++) {
			const width = (end - start) * 10 ** (-5 * (i / count));
			const at = start + (end - start - width) * (0.2 + (0.5 * i) / count);
			change({ from: at, to: at + width });
			const now = await new Promise(requestAnimationFrame);
			apart.push(now - before);
			before = now;
		}
		for (let i = 0; i < 60; i++) {
			const width = (end - start) * 10 ** (-5 * (i / 60));
			const at = start + (end - start) * 0.37;
			const asked = performance.now();
			await ask('draw', { from: at, to: at + width, columns: 2400 });
			answers.push(performance.now() - asked);
		}
		return { apart, drawing: [...frameMs], answers, state };
	}, FRAMES);
}

function quantile(values, share) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

function row(cells) {
	console.log(`| ${cells.join(' | ')} |`);
}

async function measure(events) {
	const folder = generated(events);
	const bytes = segmentsOf(folder).reduce((sum, file) => sum + fs.statSync(file).size, 0);
	const browser = await openBrowser();
	const page = await openPage(browser.context);
	await load(page, segmentsOf(folder));
	const loadMs = await page.evaluate(() => Number(document.documentElement.dataset.loadMs));
	const memory = await page.evaluate(() => window.uvtrace.view.process.memory);
	const { apart, drawing, answers } = await frames(page);
	await closePage(page);
	await browser.close();
	const mean = apart.reduce((sum, ms) => sum + ms, 0) / apart.length;
	const two = (values) =>
		`${quantile(values, 0.5).toFixed(1)} / ${quantile(values, 0.99).toFixed(1)}`;
	row([
		events.toLocaleString('en-US'), (bytes / 1e6).toFixed(1),
		(loadMs / 1000).toFixed(2), Math.round(memory / 1e6), (1000 / mean).toFixed(0),
		two(apart), two(drawing), two(answers),
	]);
}

row([
	'events', 'MB', 'load, s', 'memory, MB', 'frames a second', 'apart, ms p50 / p99',
	'drawing, ms p50 / p99', 'answer, ms p50 / p99',
]);
console.log('|---:|---:|---:|---:|---:|---:|---:|---:|');
const wanted = process.argv.slice(2).map(Number);
for (const events of wanted.length ? wanted : [1e6, 20e6, 100e6])
	await measure(events);
await closeBrowsers();
