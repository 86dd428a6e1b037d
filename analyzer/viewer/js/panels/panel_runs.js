/* SPDX-License-Identifier: Apache-2.0
 *
 * All runs of one callback, below the table of callbacks: how their durations are distributed, the
 * slowest, when they ran, and of which handle or request each was.
 */
import { byId, element } from '../dom.js';
import { formatCount, formatDuration, plural } from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { timeText } from '../draw/range.js';
import { select } from '../control/actions.js';
import { filteredRuns } from '../control/jobs.js';
import { actionButton, item, paragraph, rowButton, section, shortName, span } from './pieces.js';
import { countColumn, durationColumn, table } from './tables.js';
import { distributionSection } from './distribution.js';

const HANDLES_SHOWN = 20;
const PLOT_WIDTH = 460, PLOT_HEIGHT = 90, DOTS_MOST = 4000;
const SVG = 'http://www.w3.org/2000/svg';

export function runItem({ worker, tick, start_ns: start, duration_ns: lasted }) {
	const { worker: number } = view.process.workers[worker];
	return item(rowButton(() => select(worker, tick, true),
		span('figure', formatDuration(lasted)), span('what', timeText(start, 1e6)),
		span('when', `worker ${number}`)));
}

// ---- Over time ----------------------------------------------------------------------------------

function svg(name, attributes, ...children) {
	const made = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes))
		made.setAttribute(key, value);
	made.append(...children);
	return made;
}

/* The longest of those that fall on the same spot. */
function dotsOf(rows, [from, to], least, most) {
	const spots = new Map(), scale = Math.log(Math.max(1.0001, most / least));
	for (const row of rows) {
		const x = Math.round(((row.start_ns - from) / (to - from)) * PLOT_WIDTH);
		const share = Math.log(Math.max(1, row.duration_ns) / least) / scale;
		const y = Math.round(PLOT_HEIGHT - 5 - share * (PLOT_HEIGHT - 10));
		const key = `${x >> 1} ${y >> 1}`;
		if (!spots.has(key) || spots.get(key).row.duration_ns < row.duration_ns)
			spots.set(key, { x, y, row });
		if (spots.size >= DOTS_MOST)
			break;
	}
	return [...spots.values()];
}

/* A dot a run, higher for longer ones, on a logarithmic axis. */
export function overTime(rows, word = 'run', go = (row) => select(row.worker, row.tick, true)) {
	const lasted = rows.map((row) => Math.max(1, row.duration_ns));
	const least = lasted.reduce((a, b) => Math.min(a, b), Infinity);
	const most = lasted.reduce((a, b) => Math.max(a, b), 1);
	const from = state.rangeFrom ?? view.process.start_ns;
	const to = state.rangeTo ?? view.process.end_ns;
	const plot = svg('svg', { class: 'dots', role: 'img', preserveAspectRatio: 'none',
		viewBox: `-3 0 ${PLOT_WIDTH + 6} ${PLOT_HEIGHT}`,
		'aria-label': `Over time: ${plural(rows.length, word)} ` +
			`from ${formatDuration(least)} to ${formatDuration(most)}` });
	for (const { x, y, row } of dotsOf(rows, [from, to], least, most)) {
		const dot = svg('rect', { x: x - 1.5, y: y - 1.5, width: 3, height: 3 },
			svg('title', {}, `${formatDuration(row.duration_ns)} at ` +
				timeText(row.start_ns, 1e6)));
		dot.addEventListener('click', () => go(row));
		plot.append(dot);
	}
	return section('Over time', plot,
		element('div', { class: 'axis', 'aria-hidden': 'true' },
			span('', timeText(from, (to - from) / 100)),
			span('', `up to ${formatDuration(most)}`),
			span('', timeText(to, (to - from) / 100))));
}

// ---- By handle ----------------------------------------------------------------------------------

function byHandle(rows) {
	const handles = new Map();
	for (const row of rows) {
		const sum = handles.get(row.object) ||
			{ object: row.object, count: 0, total_ns: 0, max_ns: 0, worst: row };
		sum.count++;
		sum.total_ns += row.duration_ns;
		if (row.duration_ns > sum.max_ns) {
			sum.max_ns = row.duration_ns;
			sum.worst = row;
		}
		handles.set(row.object, sum);
	}
	return [...handles.values()].sort((a, b) => b.total_ns - a.total_ns);
}

function handleButton({ object, worst }) {
	return rowButton(() => select(worst.worker, worst.tick, true),
		element('code', {}, `0x${object.toString(16)}`));
}

const HANDLE_COLUMNS = [
	{ key: 'object', label: 'Handle or request', text: true, head: true, show: handleButton },
	countColumn('count', 'Runs'), durationColumn('total_ns', 'Total'),
	durationColumn('max_ns', 'Max'),
];

function handlesSection(rows) {
	const handles = byHandle(rows), rest = handles.length - HANDLES_SHOWN;
	return section('By handle',
		table('handles', 'An address may have served several, one after the other',
			HANDLE_COLUMNS, handles.slice(0, HANDLES_SHOWN), ['total_ns', -1]),
		rest > 0 &&
			paragraph('more', `and ${formatCount(rest)} more, of less time in total`));
}

// ---- All of it ----------------------------------------------------------------------------------

/* What is not in the lists, in words. */
export function leftOutText({ rows, seen }, shown, word) {
	const kept = seen > rows.length
		? `The longest ${formatCount(rows.length)} of ${plural(seen, word)}. ` : '';
	const left = rows.length - shown.length;
	return kept + (left > 0 ? `The filter leaves out ${plural(left, word)}. ` : '');
}

/* null: no callback is chosen, or its runs are on their way. */
export function runsSection() {
	const { runs } = view;
	if (!runs || runs.key !== state.runs)
		return null;
	const { site, inPool, seen, ns } = runs, rows = filteredRuns(runs.rows);
	const close = () => change({ runs: '' });
	return element('div', { id: 'runs' },
		element('h2', {},
			`${shortName(site.name)}${inPool ? ' (work)' : ''}: all its runs`),
		element('p', {}, `${plural(seen, 'run')}, ${formatDuration(ns)} together. `,
			leftOutText(runs, rows, 'run'), actionButton('Close', close)),
		distributionSection({ id: 'runs-distribution', key: runs.key, title: 'Distribution',
			word: 'run', rows, rowItem: runItem }),
		rows.length > 0 && [overTime(rows), handlesSection(rows)]);
}

export function scrollToRuns() {
	byId('runs')?.scrollIntoView({ block: 'start' });
}
