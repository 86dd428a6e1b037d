/* SPDX-License-Identifier: Apache-2.0
 *
 * The box beside the pointer: what lies under it, in a few lines of a name and a text.
 */
import { STROKE } from '../contract.js';
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDuration, formatId, formatPercent, plural } from '../format.js';
import { runWord, view } from '../draw/view.js';
import { nsOf } from '../draw/layout.js';
import { timeText } from '../draw/range.js';
import { chartAt, strokeUnder } from '../draw/hit.js';
import { siteOf } from '../control/actions.js';
import { scriptOfPoll } from '../draw/scripts.js';

const BESIDE_X = 14, BESIDE_Y = 16; // pixels from the pointer
const EDGE_LEAST = 8;

// ---- Lines by type ------------------------------------------------------------------------------

function atLine(ns) {
	return ['at', timeText(ns, 1000)];
}

function parkLines(stroke) {
	const isLoop = stroke.lane.worker.role === 'loop';
	const woken = isLoop ? `, woken by ${formatCount(stroke.value)} ready` : '';
	return [['Waited', formatDuration(stroke.longest_ns) + woken]];
}

function holeLines(stroke) {
	const width = formatDuration(stroke.end_ns - stroke.start_ns);
	const what = stroke.flags ? 'Events missing' : 'Events lost';
	return [[what, `${formatCount(stroke.value)} within ${width}`]];
}

function cpuLines({ longest_ns: waited, busy, parked }) {
	const wait = `waited ${formatDuration(waited)} for a CPU (${formatPercent(busy)})`;
	return [['Kernel', `${wait}, on a CPU ${formatPercent(parked)}`]];
}

function spanLines(stroke) {
	const lasted = formatDuration(stroke.longest_ns);
	if (stroke.count > 1)
		return [
			[
				`${formatCount(stroke.count)} spans`,
				`within ${lasted}; too close to be drawn each`,
			],
			atLine(stroke.start_ns),
		];
	return [
		[view.process.names[stroke.site], formatId(stroke.value)],
		['', `${lasted}${stroke.flags ? ', no end in the trace' : ''}`],
		atLine(stroke.start_ns),
	];
}

function markLines(stroke) {
	const others = plural(stroke.count - 1, 'mark'), name = view.process.names[stroke.site];
	const more = stroke.count > 1 ? `, and ${others} more in this pixel` : '';
	return [[name, `${stroke.value}${more}`], atLine(stroke.start_ns)];
}

function columnLines(stroke) {
	if (stroke.count === 0)
		return [['Waiting', formatPercent(stroke.parked)]];
	const pixel = formatDuration(stroke.end_ns - stroke.start_ns);
	const share = formatPercent(stroke.busy);
	const runs = (stroke.flags ? 'about ' : '') + plural(stroke.count, runWord());
	return [
		[runs, `busy ${share} of this pixel’s ${pixel}`],
		['Longest', `${formatDuration(stroke.longest_ns)} ${siteOf(stroke).text}`],
	];
}

function pollLines(stroke) {
	const site = siteOf(stroke);
	const kind = site.kind + (stroke.type === STROKE.WORK ? ' work' : '');
	const { worker } = stroke.lane.worker;
	const script = stroke.type === STROKE.POLL ? scriptOfPoll(worker, stroke.start_ns) : null;
	return [[kind, formatDuration(stroke.longest_ns)], ['', site.text],
		...script ? [['in', script]] : [], atLine(stroke.start_ns)];
}

const LINES = {
	[STROKE.POLL]: pollLines,
	[STROKE.WORK]: pollLines,
	[STROKE.PARK]: parkLines,
	[STROKE.COLUMN]: columnLines,
	[STROKE.HOLE]: holeLines,
	[STROKE.CPU]: cpuLines,
	[STROKE.SPAN]: spanLines,
	[STROKE.MARK]: markLines,
};

function chartLines({ chart, value, under }, ns) {
	const below = under === null ? [] : [[chart.under, formatCount(under)]];
	const name = chart.note ? `${chart.label} ${chart.note}` : chart.label;
	return [[name, formatCount(value)], ...below, atLine(ns)];
}

// ---- The box ------------------------------------------------------------------------------------

function linesAt(x, y) {
	const stroke = strokeUnder(x, y);
	if (stroke)
		return LINES[stroke.type](stroke);
	const chart = chartAt(x, y);
	return chart && chartLines(chart, nsOf(x));
}

function placeTip(tip, event) {
	const right = byId('timeline').getBoundingClientRect().right - tip.offsetWidth - EDGE_LEAST;
	const bottom = window.innerHeight - tip.offsetHeight - EDGE_LEAST;
	tip.style.left = Math.max(4, Math.min(event.clientX + BESIDE_X, right)) + 'px';
	tip.style.top = Math.min(event.clientY + BESIDE_Y, bottom) + 'px';
}

/* `x`, `y`: on the timeline. */
export function showTip(event, x, y) {
	const tip = byId('tip'), lines = linesAt(x, y);
	tip.hidden = !lines;
	if (!lines)
		return;
	fill(tip, lines.map(([key, text]) => element('div', {}, element('b', {}, key), ' ', text)));
	placeTip(tip, event);
}

export function hideTip() {
	byId('tip').hidden = true;
}
