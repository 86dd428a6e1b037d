/* SPDX-License-Identifier: Apache-2.0
 *
 * Where everything lies on the timeline: the names in the gutter on the left, the axis on top,
 * lanes that are scrolled below it, charts at the bottom; and times from left to right.
 *
 * Rules: lengths are CSS pixels. A lane's `top` is that of its polls and counts from the top of all
 * lanes, so that `view.scroll` is subtracted where it is drawn; its band of marks and spans lies
 * above.
 */
import { announce } from '../dom.js';
import { state } from '../state.js';
import { setChosen, setLanes, setScroll, view } from './view.js';
import { canvas } from './canvas.js';
import { redraw } from './frame.js';

export const GUTTER = 176;
export const AXIS_HEIGHT = 28;
export const NESTED_HEIGHT = 11;
export const CPU_HEIGHT = 5;
export const SPAN_HEIGHT = 12, MARK_HEIGHT = 9;
export const CHART_HEIGHT = 40;
export const DEPTH_MOST = 5; // what is nested deeper is drawn there
const ROW_LEAST = 26, ROW_MOST = 64;
const LANE_GAP = 9;
const CHART_GAP = 8;
const LANES_LEAST = 110; // height that they have before charts do

/* `values` and `underValues`: keys of contract.def. */
export const CHARTS = [
	{
		label: 'pool queued', under: 'pool running', values: 'queued',
		underValues: 'running', bothValues: 'both', needsCalls: true,
	},
	{ label: 'requests', note: 'on their way', values: 'requests', needsCalls: true },
	{ label: 'ready fds', note: 'after a wait', values: 'ready' },
];

// ---- Times and areas ----------------------------------------------------------------------------

export function plotWidth() {
	return Math.max(1, canvas.clientWidth - GUTTER);
}

export function xOf(ns) {
	return GUTTER + ((ns - state.from) / (state.to - state.from)) * plotWidth();
}

export function nsOf(x) {
	return state.from + ((x - GUTTER) / plotWidth()) * (state.to - state.from);
}

/* As many as leave room for lanes. */
export function shownCharts() {
	const room = canvas.clientHeight - AXIS_HEIGHT - LANES_LEAST - CHART_GAP;
	return CHARTS.slice(0, Math.max(0, Math.floor(room / (CHART_HEIGHT + CHART_GAP))));
}

export function chartsHeight() {
	const count = shownCharts().length;
	return count && count * (CHART_HEIGHT + CHART_GAP) + CHART_GAP;
}

export function lanesBottom() {
	return canvas.clientHeight - chartsHeight();
}

export function chartTop(index) {
	return lanesBottom() + CHART_GAP + index * (CHART_HEIGHT + CHART_GAP);
}

/* The number of the chart at a height; of another where there is none. */
export function chartIndexAt(y) {
	return Math.floor((y - lanesBottom() - CHART_GAP) / (CHART_HEIGHT + CHART_GAP));
}

export function isOnAxis(y) {
	return y < AXIS_HEIGHT;
}

// ---- Lanes --------------------------------------------------------------------------------------

export function hiddenWorkers() {
	return new Set(state.hidden.split(',').filter(Boolean).map(Number));
}

/* What lies above the polls of a lane: marks, then spans. */
function bandHeight(worker) {
	if (state.said !== 'on')
		return 0;
	return (worker.has_marks ? MARK_HEIGHT : 0) + worker.span_rows * SPAN_HEIGHT;
}

function shownLanes() {
	const hidden = hiddenWorkers();
	return view.process.workers
		.map((worker, position) => ({
			worker, position,
			depth: Math.min(worker.depth, DEPTH_MOST), band: bandHeight(worker),
		}))
		.filter(({ worker }) => !hidden.has(worker.worker))
		.filter(({ worker }) => worker.role !== 'other' || worker.events > 0);
}

/* Few lanes share the room that there is; many are scrolled. */
function rowHeight(lanes) {
	const around = (lane) => lane.band + lane.depth * NESTED_HEIGHT + CPU_HEIGHT + LANE_GAP;
	const taken = lanes.reduce((sum, lane) => sum + around(lane), LANE_GAP);
	const room = (lanesBottom() - AXIS_HEIGHT - taken) / Math.max(1, lanes.length);
	return Math.floor(Math.min(ROW_MOST, Math.max(ROW_LEAST, room)));
}

export function layOut() {
	const lanes = shownLanes(), row = rowHeight(lanes);
	let top = AXIS_HEIGHT + LANE_GAP;
	for (const lane of lanes) {
		lane.top = top + lane.band;
		lane.height = row + lane.depth * NESTED_HEIGHT + CPU_HEIGHT;
		top += lane.band + lane.height + LANE_GAP;
	}
	setLanes(lanes, row, top);
	scrollBy(0);
}

/* Top of the polls that are nested so deep. */
export function rowTop(lane, depth) {
	if (depth === 0)
		return lane.top;
	return lane.top + view.row + (Math.min(depth, lane.depth) - 1) * NESTED_HEIGHT;
}

export function rowHeightOf(depth) {
	return depth === 0 ? view.row : NESTED_HEIGHT;
}

export function laneAt(y) {
	if (y < AXIS_HEIGHT || y > lanesBottom())
		return null;
	const at = y + view.scroll;
	const isIn = (lane) => at >= lane.top - lane.band && at < lane.top + lane.height;
	return view.lanes.find(isIn) || null;
}

export function laneOfPosition(position) {
	return view.lanes.find((lane) => lane.position === position) || null;
}

// ---- Scrolling and choosing ---------------------------------------------------------------------

export function scrollBy(pixels) {
	const most = Math.max(0, view.lanesHeight - lanesBottom());
	setScroll(Math.min(most, Math.max(0, view.scroll + pixels)));
	redraw();
}

function scrollTo(lane) {
	const top = lane.top - lane.band - AXIS_HEIGHT - LANE_GAP;
	const bottom = lane.top + lane.height - lanesBottom();
	if (top < view.scroll)
		scrollBy(top - view.scroll);
	else if (bottom > view.scroll)
		scrollBy(bottom - view.scroll + LANE_GAP);
}

/* The lane so many below the chosen one. */
export function chooseLane(step) {
	setChosen(view.chosen + step);
	const lane = view.lanes[view.chosen];
	scrollTo(lane);
	announce(`Worker ${lane.worker.worker}, ${lane.worker.role}`);
	redraw();
}
