/* SPDX-License-Identifier: Apache-2.0
 *
 * Strokes from the second thread (contract.def): those of a range somewhat wider than what is
 * shown, and the figures of the strip from those of the whole trace. Until newer ones come, what
 * there is is drawn wherever the view has moved.
 *
 * Rules: one question is on its way at most; what was changed meanwhile is asked for afterwards.
 */
import { STROKE, Strokes } from '../contract.js';
import { ask } from '../load/remote.js';
import { state } from '../state.js';
import { setDrawn, setOverview, view } from './view.js';
import { redraw } from './frame.js';
import { GUTTER, plotWidth } from './layout.js';

const MARGIN = 0.5; // of the view's width, on either side
const OVERVIEW_LEAST = 64; // columns

let isAsking = false, isStale = false;

/* [first, last) of the strokes of a worker. */
export function strokesOfLane({ ends }, position) {
	return [position ? ends[position - 1] : 0, ends[position]];
}

async function askStrokes(op, values) {
	const drawn = await ask(op, values);
	return drawn && { ...drawn, strokes: new Strokes(drawn.strokes) };
}

async function askForView() {
	const margin = (state.to - state.from) * MARGIN;
	const drawn = await askStrokes('draw', {
		from: state.from - margin, to: state.to + margin,
		columns: Math.ceil(plotWidth() * (1 + 2 * MARGIN)), said: state.said === 'on',
	});
	if (!drawn)
		return;
	setDrawn(drawn);
	redraw();
}

export async function refreshStrokes() {
	if (isAsking) {
		isStale = true;
		return;
	}
	isAsking = true;
	try {
		await askForView();
	} finally {
		isAsking = false;
	}
	if (isStale) {
		isStale = false;
		refreshStrokes();
	}
}

function isOutermostPoll(strokes, i) {
	const type = strokes.type(i);
	return (type <= STROKE.WORK || type === STROKE.COLUMN) && strokes.depth(i) === 0;
}

/* Per column of the whole trace: how busy its workers were on average, and the worst poll. */
function summarize({ strokes }, columns) {
	const { start_ns: start, end_ns: end, workers } = view.process;
	const busy = new Float32Array(columns), worst = new Float64Array(columns);
	const columnOf = (ns) => Math.round((ns - start) * (columns / (end - start)));
	for (let i = 0; i < strokes.length; i++) {
		if (!isOutermostPoll(strokes, i))
			continue;
		const from = Math.max(0, columnOf(strokes.start_ns(i)));
		const to = Math.min(columns, Math.max(from + 1, columnOf(strokes.end_ns(i))));
		for (let at = from; at < to; at++) {
			busy[at] += strokes.busy(i) / workers.length;
			worst[at] = Math.max(worst[at], strokes.longest_ns(i));
		}
	}
	return { busy, worst, columns };
}

/* `width`: of the strip, in pixels. */
export async function refreshOverview(width) {
	const columns = Math.max(OVERVIEW_LEAST, width - GUTTER);
	const { start_ns: from, end_ns: to } = view.process;
	setOverview(summarize(await askStrokes('overview', { from, to, columns }), columns));
	redraw();
}
