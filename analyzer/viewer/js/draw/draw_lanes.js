/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws a lane: its name in the gutter, and each of its strokes by its type.
 */
import { STROKE } from '../contract.js';
import { durationColor, siteColor, spanColor } from './colors.js';
import { formatCount, formatId } from '../format.js';
import { state } from '../state.js';
import { isStep, view } from './view.js';
import { labelColor, theme } from './theme.js';
import {
	FONT, canvas, clipText, clipped, context, fillBox, forgetFill, setFill,
} from './canvas.js';
import {
	AXIS_HEIGHT, CPU_HEIGHT, GUTTER, MARK_HEIGHT, NESTED_HEIGHT, SPAN_HEIGHT, lanesBottom,
	plotWidth, rowTop, xOf,
} from './layout.js';
import { strokesOfLane } from './strokes.js';
import { scriptOfPoll } from './scripts.js';
import { drawSelected } from './draw_over.js';

const EDGE = 2; // what leaves the picture is cut so far outside of it
const GAP = 0.75; // between two that are wide enough
const GAP_FROM = 4;
const LABEL_FROM = 34, SPAN_LABEL_FROM = 28; // width that a text needs
const HOLE_LEAST = 3;
const COLUMN_LEAST = 0.12; // of the row's height
const FLAG_APART = 5;
const ASIDE = 0.3; // opacity

// ---- Strokes by type ----------------------------------------------------------------------------

function strokeColor(strokes, i) {
	if (state.color === 'duration')
		return durationColor(theme.name, strokes.longest_ns(i));
	return siteColor(theme.name, view.ranks[strokes.site(i)] ?? -1);
}

function barHeight(depth) {
	return depth === 0 ? view.row : NESTED_HEIGHT - 1;
}

function gapAfter(width) {
	return width > GAP_FROM ? GAP : 0;
}

/* Many polls in one pixel: as high as the worker was busy, in the colour of the longest. */
function drawColumn(lane, strokes, i, x, end) {
	const width = Math.max(end - x, 1), depth = strokes.depth(i), parked = strokes.parked(i);
	const height = barHeight(depth), top = rowTop(lane, depth);
	if (depth === 0 && parked > 0.01)
		fillBox(theme.colors.surface, x, top, width, view.row * parked);
	if (strokes.count(i) === 0)
		return;
	const share = Math.max(COLUMN_LEAST, strokes.busy(i));
	context.globalAlpha = view.transaction ? ASIDE : 1;
	fillBox(strokeColor(strokes, i), x, top + height * (1 - share), width, height * share);
	context.globalAlpha = 1;
}

/* What has no end in the trace is torn at its right side. */
function drawTorn(x, top, height, width) {
	if (width < 8)
		return;
	setFill(theme.colors.plane);
	context.beginPath();
	context.moveTo(x + 1, top);
	for (let y = 0; y <= height; y += 6) {
		context.lineTo(x - 5, top + y + 3);
		context.lineTo(x + 1, top + y + 6);
	}
	context.fill();
}

function drawPollBox(lane, strokes, i, x, end, labels) {
	const depth = strokes.depth(i), width = end - x;
	const height = barHeight(depth), top = rowTop(lane, depth);
	const gap = gapAfter(width);
	fillBox(strokeColor(strokes, i), x, top, width - gap, height);
	if (strokes.flags(i))
		drawTorn(x + width - gap, top, height, width);
	if (width <= LABEL_FROM || depth > 0)
		return;
	const script = strokes.type(i) === STROKE.POLL
		? scriptOfPoll(lane.worker.worker, strokes.start_ns(i)) : null;
	const name = script || view.process.sites[strokes.site(i)].name;
	labels.push({
		text: strokes.type(i) === STROKE.WORK ? name + ' (work)' : name,
		x: Math.max(x, GUTTER), width: Math.min(width, end - GUTTER), top,
	});
}

/* Where a transaction is shown, all else steps back. */
function drawPoll(lane, strokes, i, x, end, labels) {
	const isAside = view.transaction && !isStep(lane.position, strokes.tick(i));
	context.globalAlpha = isAside ? ASIDE : 1;
	drawPollBox(lane, strokes, i, x, end, isAside ? [] : labels);
	context.globalAlpha = 1;
}

function drawPark(lane, strokes, i, x, end) {
	fillBox(theme.colors.surface, x, lane.top, end - x, view.row);
}

function drawHole(lane, strokes, i, x, end) {
	const width = Math.max(end - x, HOLE_LEAST);
	setFill(theme.colors.plane);
	context.fillRect(x, lane.top, width, view.row);
	setFill(theme.hatch);
	context.fillRect(x, lane.top, width, view.row);
}

/* The strip below a lane: how much the kernel let it wait for a CPU. */
function drawCpu(lane, strokes, i, x, end) {
	const waiting = strokes.busy(i);
	if (waiting < 0.005)
		return;
	context.globalAlpha = 0.12 + 0.88 * Math.min(1, waiting);
	const top = lane.top + lane.height - CPU_HEIGHT + 1;
	fillBox(theme.colors.cpu, x, top, end - x, CPU_HEIGHT - 1);
	context.globalAlpha = 1;
}

function spanLabel(strokes, i) {
	if (strokes.count(i) > 1)
		return `${formatCount(strokes.count(i))} spans`;
	return `${view.process.names[strokes.site(i)]} ${formatId(strokes.value(i))}`;
}

/* A span of the program, or several that share a pixel or overlap. */
function drawSpan(lane, strokes, i, x, end) {
	const width = end - x, height = SPAN_HEIGHT - 2;
	const top = lane.top - (lane.worker.span_rows - strokes.depth(i)) * SPAN_HEIGHT;
	const color = spanColor(theme.name, view.nameRanks[strokes.site(i)]);
	fillBox(color, x, top, Math.max(1, width - gapAfter(width)), height);
	if (strokes.flags(i))
		drawTorn(x + width, top, height, width);
	const left = Math.max(x, GUTTER), room = Math.min(x + width, canvas.clientWidth) - left - 8;
	if (room < SPAN_LABEL_FROM)
		return;
	context.font = FONT.tiny;
	setFill(labelColor());
	const text = clipText(spanLabel(strokes, i), room);
	context.fillText(text, left + 4, top + SPAN_HEIGHT / 2 - 0.5);
	context.font = FONT.normal;
}

function drawMark(lane, strokes, i, x) {
	const top = lane.top - lane.band;
	setFill(theme.colors.select);
	context.beginPath();
	context.moveTo(x, top + MARK_HEIGHT - 1);
	context.lineTo(x - 3.5, top + 1);
	context.lineTo(x + 3.5, top + 1);
	context.fill();
}

const DRAW = {
	[STROKE.POLL]: drawPoll,
	[STROKE.WORK]: drawPoll,
	[STROKE.PARK]: drawPark,
	[STROKE.COLUMN]: drawColumn,
	[STROKE.HOLE]: drawHole,
	[STROKE.CPU]: drawCpu,
	[STROKE.SPAN]: drawSpan,
	[STROKE.MARK]: drawMark,
};

// ---- All of a lane ------------------------------------------------------------------------------

const IS_POLL = { [STROKE.POLL]: true, [STROKE.WORK]: true, [STROKE.COLUMN]: true };

function isFlagged(strokes, i) {
	return IS_POLL[strokes.type(i)] && strokes.longest_ns(i) >= state.long &&
		strokes.count(i) > 0;
}

function drawLabels(labels) {
	setFill(labelColor());
	for (const { text, x, width, top } of labels) {
		const clippedText = clipText(text, width - 10);
		if (clippedText)
			context.fillText(clippedText, x + 5, top + view.row / 2 + 0.5);
	}
}

/* Long polls, however small they are drawn. */
function drawFlags(lane, flagged) {
	setFill(theme.colors.bad);
	let last = -2 * FLAG_APART;
	for (const x of flagged.sort((a, b) => a - b)) {
		if (x - last < FLAG_APART)
			continue;
		last = x;
		context.beginPath();
		context.moveTo(x - 4, lane.top);
		context.lineTo(x + 5, lane.top);
		context.lineTo(x + 0.5, lane.top + 6);
		context.fill();
	}
}

function drawStrokes(lane) {
	const { strokes } = view.drawn;
	const [first, last] = strokesOfLane(view.drawn, lane.position);
	const scale = plotWidth() / (state.to - state.from), right = canvas.clientWidth;
	const labels = [], flagged = [];
	forgetFill();
	for (let i = first; i < last; i++) {
		const from = GUTTER + (strokes.start_ns(i) - state.from) * scale;
		const to = GUTTER + (strokes.end_ns(i) - state.from) * scale;
		if (to < GUTTER || from > right)
			continue;
		const x = Math.max(from, GUTTER - EDGE), end = Math.min(to, right + EDGE);
		DRAW[strokes.type(i)](lane, strokes, i, x, end, labels);
		if (isFlagged(strokes, i))
			flagged.push(Math.max(x, GUTTER));
	}
	drawLabels(labels);
	drawFlags(lane, flagged);
}

/* Behind the strokes: when the worker lived, and was awake where nothing else is drawn. */
function drawBase({ top, worker }) {
	const from = Math.max(GUTTER, xOf(worker.start_ns));
	const to = Math.min(canvas.clientWidth, xOf(worker.end_ns));
	context.fillStyle = theme.colors.surface;
	context.fillRect(from, top, to - from, view.row);
	if (worker.role === 'other')
		return;
	context.fillStyle = theme.colors.awake;
	context.fillRect(from, top, to - from, view.row);
}

function isScrolledOut(lane) {
	const bottom = lane.top + lane.height;
	return bottom < view.scroll + AXIS_HEIGHT || lane.top > view.scroll + lanesBottom();
}

export function drawLane(lane, index) {
	if (isScrolledOut(lane))
		return;
	clipped(GUTTER, lane.top - lane.band, plotWidth(), lane.band + lane.height, () => {
		drawBase(lane);
		if (view.drawn)
			drawStrokes(lane);
		drawSelected(lane);
	});
	drawLaneLabel(lane, index);
}

// ---- Its name -----------------------------------------------------------------------------------

/* Below a worker's number and role: events that are not there, else its name. */
function laneNote(worker, lost) {
	if (lost > 0)
		return `${formatCount(lost)} events lost`;
	if (view.process.report.tier === 'libc' && worker.role === 'loop')
		return 'waits only (libc tier)';
	return worker.name;
}

function drawLaneLabel(lane, index) {
	const { worker } = lane;
	const middle = lane.top + view.row / 2, lost = worker.lost + worker.missing;
	if (index === view.chosen && document.activeElement === canvas) {
		context.fillStyle = theme.colors.accent;
		context.fillRect(2, lane.top, 3, lane.height);
	}
	context.fillStyle = theme.colors.text;
	context.font = FONT.bold;
	const role = worker.role === 'other' ? 'other threads' : worker.role;
	context.fillText(`${worker.worker} ${role}`, 12, middle - 7);
	context.font = FONT.small;
	context.fillStyle = lost > 0 ? theme.colors.bad : theme.colors.muted;
	context.fillText(clipText(laneNote(worker, lost), GUTTER - 22), 12, middle + 8);
	context.font = FONT.normal;
}
