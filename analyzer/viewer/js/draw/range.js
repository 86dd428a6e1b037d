/* SPDX-License-Identifier: Apache-2.0
 *
 * Which range of time is shown: moving it, zooming, and the way back.
 */
import { formatClock, formatOffset } from '../format.js';
import { change, state } from '../state.js';
import { view } from './view.js';
import { nsOf } from './layout.js';

const WIDTH_LEAST_NS = 200;
const AROUND_LEAST_NS = 20000;
const STEP_MS = 600; // movements that follow each other sooner are one

const past = []; // ranges that were shown before: [from, to]
let lastMoved = -STEP_MS;

/* The whole trace, with a little room on either side. */
function limits() {
	const { start_ns: start, end_ns: end } = view.process;
	const slack = Math.max((end - start) * 0.02, 1000);
	return [start - slack, end + slack];
}

/* The part of a range that lies within the trace; null: none. */
export function withinTrace(from, to) {
	const [first, last] = limits();
	if (!(to > from) || from >= last || to <= first)
		return null;
	return [Math.max(from, first), Math.min(to, last)];
}

function remember(kind) {
	const now = performance.now();
	if (kind === 'jump' || (kind === 'move' && now - lastMoved > STEP_MS))
		past.push([state.from, state.to]);
	lastMoved = kind === 'move' ? now : -STEP_MS;
}

/* Shows a range; undoZoom() goes back. `kind`: 'jump'; 'move', of which those that follow each
 * other are undone together; 'undo'. */
export function show(from, to, kind = 'jump') {
	const [first, last] = limits();
	const width = Math.min(last - first, Math.max(WIDTH_LEAST_NS, to - from));
	const middle = (from + to) / 2;
	const begin = Math.min(Math.max(middle - width / 2, first), last - width);
	if (state.from !== null)
		remember(kind);
	change({ from: begin, to: begin + width });
}

export function undoZoom() {
	const before = past.pop();
	if (before)
		show(before[0], before[1], 'undo');
	return Boolean(before);
}

/* At a place on the canvas, or in the middle. */
export function zoom(factor, x) {
	const at = x === undefined ? (state.from + state.to) / 2 : nsOf(x);
	show(at - (at - state.from) * factor, at + (state.to - at) * factor, 'move');
}

/* By a share of what is shown. */
export function pan(share) {
	const by = (state.to - state.from) * share;
	show(state.from + by, state.to + by, 'move');
}

export function fit() {
	const [first, last] = limits();
	show(first, last);
}

/* A stretch of time in the middle of the view, with room around it. */
export function showAround(from, to) {
	const width = Math.max((to - from) * 3, AROUND_LEAST_NS);
	const middle = (from + to) / 2;
	show(middle - width / 2, middle + width / 2);
}

/* A time as the state wants it, as fine as `step` needs. */
export function timeText(ns, step) {
	if (state.time === 'clock')
		return formatClock(ns, view.process.startRealNs, step);
	return formatOffset(ns, step);
}
