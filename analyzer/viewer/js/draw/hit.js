/* SPDX-License-Identifier: Apache-2.0
 *
 * What lies under a point of the timeline: a stroke with its lane, or a chart's value.
 */
import { STROKE } from '../contract.js';
import { state } from '../state.js';
import { view } from './view.js';
import {
	CPU_HEIGHT, GUTTER, NESTED_HEIGHT, SPAN_HEIGHT, chartIndexAt, laneAt, nsOf, plotWidth,
	shownCharts,
} from './layout.js';
import { strokesOfLane } from './strokes.js';

const SLACK = 1.5; // pixels beside a stroke that still are it

function isSaid(type) {
	return type === STROKE.SPAN || type === STROKE.MARK;
}

/* Calls take(stroke) for those of a lane that lie at a time, or so near. */
function eachNear(lane, ns, slack, take) {
	const { strokes } = view.drawn;
	const [first, last] = strokesOfLane(view.drawn, lane.position);
	for (let i = first; i < last; i++) {
		if (ns >= strokes.start_ns(i) - slack && ns <= strokes.end_ns(i) + slack)
			take(strokes.at(i));
	}
}

/* The mark or span under a point of the band above a lane's polls, the last drawn. */
function annotationUnder(lane, y, ns, slack) {
	const top = lane.top - lane.worker.span_rows * SPAN_HEIGHT;
	const row = Math.floor((y - top) / SPAN_HEIGHT);
	let found = null;
	eachNear(lane, ns, 2 * slack, (stroke) => {
		const isMark = stroke.type === STROKE.MARK && row < 0;
		const isSpan = stroke.type === STROKE.SPAN && stroke.depth === row;
		if (isMark || isSpan)
			found = stroke;
	});
	return found;
}

/* What is a poll comes before what it lies in, what is under the point before what is near, and
 * what is nested as deep as the point lies before the rest. */
function rankOf(stroke, ns, depth) {
	const isWait = stroke.type === STROKE.PARK || stroke.type === STROKE.HOLE;
	const isPoll = !isWait && stroke.count > 0;
	const isUnder = ns >= stroke.start_ns && ns <= stroke.end_ns;
	return (isPoll ? 4 : 0) + (isUnder ? 2 : 0) + (stroke.depth === depth ? 1 : 0);
}

function pollUnder(lane, y, ns, slack) {
	const depth = Math.max(0, Math.floor((y - lane.top - view.row) / NESTED_HEIGHT) + 1);
	const isOnCpu = y >= lane.top + lane.height - CPU_HEIGHT - 1;
	let best = null, bestRank = -1;
	eachNear(lane, ns, slack, (stroke) => {
		if ((stroke.type === STROKE.CPU) !== isOnCpu || isSaid(stroke.type))
			return;
		const rank = rankOf(stroke, ns, depth);
		if (rank > bestRank) {
			best = stroke;
			bestRank = rank;
		}
	});
	return best;
}

/* The stroke under a point, with its `lane`; null: there is none. */
export function strokeUnder(x, y) {
	const lane = laneAt(y);
	if (!lane || !view.drawn || x < GUTTER)
		return null;
	const slack = ((state.to - state.from) / plotWidth()) * SLACK, below = y + view.scroll;
	const under = below < lane.top ? annotationUnder : pollUnder;
	const stroke = under(lane, below, nsOf(x), slack);
	return stroke && { ...stroke, lane };
}

/* {chart, value, under}: of the chart under a point; null: there is none. */
export function chartAt(x, y) {
	const chart = shownCharts()[chartIndexAt(y)];
	if (!view.drawn || x < GUTTER || !chart)
		return null;
	const { from, to, columns, charts } = view.drawn;
	const column = Math.floor(((nsOf(x) - from) / (to - from)) * columns);
	const under = chart.underValues ? charts[chart.underValues][column] : null;
	return { chart, value: charts[chart.values][column], under };
}
