/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws what lies over the lanes: the selected poll, arrows to what it woke, the life of the
 * followed object, and the shade of the time when recording was off.
 */
import { state } from '../state.js';
import { view } from './view.js';
import { siteColor } from './colors.js';
import { theme } from './theme.js';
import { FONT, canvas, clipText, clipped, context } from './canvas.js';
import { phasesOf } from './phases.js';
import {
	AXIS_HEIGHT, DEPTH_MOST, GUTTER, laneOfPosition, lanesBottom, plotWidth, rowHeightOf,
	rowTop, xOf,
} from './layout.js';

const ARROW_BEND_LEAST = 16, ARROW_BEND_MOST = 90;
const STEP_LEAST = 2;
const CAUSE_LEAST = 14; // shorter ones in a lane are no arrow
const WAITER_HEIGHT = 5, PHASE_HEIGHT = 9, TICK_HEIGHT = 9;
const DOT = 3; // half a side of an event of a life
const DOT_APART = 2;

export function drawSelected(lane) {
	const { selected } = view;
	if (!selected || selected.worker !== lane.position)
		return;
	const x = xOf(selected.start_ns);
	const width = Math.max(3, xOf(selected.start_ns + selected.duration_ns) - x);
	const depth = Math.min(selected.depth, DEPTH_MOST);
	context.strokeStyle = theme.colors.text;
	context.lineWidth = 2;
	context.strokeRect(x + 0.5, rowTop(lane, depth) + 1, width - 1, rowHeightOf(depth) - 2);
	context.lineWidth = 1;
}

export function drawOff() {
	const { off } = view.process;
	for (let i = 0; i + 1 < off.length; i += 2) {
		const x = Math.max(GUTTER, xOf(off[i]));
		const end = Math.min(canvas.clientWidth, xOf(off[i + 1]));
		if (end <= x)
			continue;
		context.globalAlpha = 0.8;
		context.fillStyle = theme.colors.plane;
		context.fillRect(x, view.scroll, end - x, canvas.clientHeight);
		context.globalAlpha = 1;
		context.fillStyle = theme.colors.muted;
		if (end - x > 90)
			context.fillText('recording off', x + 6, view.scroll + AXIS_HEIGHT + 14);
	}
}

// ---- Arrows and lives ---------------------------------------------------------------------------

function drawArrow(fromX, fromY, toX, toY) {
	const half = Math.abs(toX - fromX) / 2;
	const bend = Math.max(ARROW_BEND_LEAST, Math.min(ARROW_BEND_MOST, half));
	context.beginPath();
	context.moveTo(fromX, fromY);
	context.bezierCurveTo(fromX + bend, fromY, toX - bend, toY, toX - 6, toY);
	context.stroke();
	context.beginPath();
	context.moveTo(toX, toY);
	context.lineTo(toX - 8, toY - 4.5);
	context.lineTo(toX - 8, toY + 4.5);
	context.fill();
	context.beginPath();
	context.arc(fromX, fromY, 3, 0, 7);
	context.fill();
}

function middleOf(lane) {
	return lane.top + view.row / 2;
}

function drawWakes() {
	context.strokeStyle = context.fillStyle = theme.colors.text;
	context.lineWidth = 1.75;
	for (const wake of view.wakes) {
		const from = laneOfPosition(wake.from_worker), to = laneOfPosition(wake.to_worker);
		if (from && to)
			drawArrow(xOf(wake.from_ns), middleOf(from), xOf(wake.to_ns), middleOf(to));
	}
}

/* Who waited behind the selected poll: a bar below each, however narrow it is drawn. */
function drawWaiters() {
	for (const { worker, start_ns: start, duration_ns: lasted } of view.behind.list) {
		const lane = laneOfPosition(worker);
		if (!lane)
			continue;
		const x = xOf(start), width = Math.max(STEP_LEAST, xOf(start + lasted) - x);
		context.fillStyle = theme.colors.select;
		context.fillRect(x, lane.top + view.row - WAITER_HEIGHT, width, WAITER_HEIGHT);
	}
}

/* The shown iteration: its borders, and a band above the lane for each phase. */
function drawIteration() {
	const { worker, began_ns: began, end_ns: end } = view.iteration;
	const lane = laneOfPosition(worker);
	if (!lane)
		return;
	context.fillStyle = theme.colors.text;
	for (const border of [began, end ?? began])
		context.fillRect(Math.round(xOf(border)) - 1, lane.top - PHASE_HEIGHT, 2,
			view.row + PHASE_HEIGHT);
	context.font = FONT.tiny;
	phasesOf(view.iteration, (poll) => view.process.sites[poll.site]).forEach((phase, i) => {
		const x = xOf(phase.from_ns), width = Math.max(STEP_LEAST, xOf(phase.to_ns) - x);
		context.fillStyle = i % 2 ? theme.colors.muted : theme.colors.accent;
		context.fillRect(x, lane.top - PHASE_HEIGHT, width, PHASE_HEIGHT - 1);
		const text = clipText(phase.phase, width - 4);
		context.fillStyle = theme.colors.surface;
		if (text)
			context.fillText(text, Math.max(x, GUTTER) + 2,
				lane.top - PHASE_HEIGHT / 2 - 0.5);
	});
	context.font = FONT.normal;
}

/* A tick on the lane for each stall sample. */
function drawStallTicks() {
	context.fillStyle = theme.colors.text;
	for (const { worker, at_ns: at } of view.process.report.stalls) {
		const lane = view.lanes.find((one) => one.worker.worker === worker);
		if (lane && at >= state.from && at <= state.to)
			context.fillRect(xOf(at) - 1, lane.top + view.row - TICK_HEIGHT, 2,
				TICK_HEIGHT + 2);
	}
}

/* A step, however narrow it is drawn, is seen. */
function drawStep(worker, start, end, site) {
	const lane = laneOfPosition(worker);
	if (!lane)
		return;
	const x = xOf(start), width = xOf(end) - x;
	if (width < STEP_LEAST) {
		context.fillStyle = siteColor(theme.name, view.ranks[site] ?? -1);
		context.fillRect(x, lane.top, STEP_LEAST, view.row);
	}
	context.strokeStyle = theme.colors.text;
	context.lineWidth = 1;
	context.strokeRect(x - 0.5, lane.top - 0.5, Math.max(STEP_LEAST, width) + 1, view.row + 1);
}

function drawCause(fromWorker, from, toWorker, to, inPath) {
	const fromLane = laneOfPosition(fromWorker), toLane = laneOfPosition(toWorker);
	const isShort = fromLane === toLane && xOf(to) - xOf(from) < CAUSE_LEAST;
	if (!fromLane || !toLane || isShort)
		return;
	context.globalAlpha = inPath ? 1 : 0.5;
	context.strokeStyle = context.fillStyle = theme.colors.text;
	context.lineWidth = inPath ? 1.75 : 1;
	drawArrow(xOf(from), middleOf(fromLane), xOf(to), middleOf(toLane));
	context.globalAlpha = 1;
}

/* The shown transaction: its steps, and arrows from each cause to its effect, by way of the work
 * on the pool. */
function drawTransaction() {
	const { steps } = view.transaction;
	for (const { worker, site, start_ns: start, duration_ns: lasted, work } of steps) {
		drawStep(worker, start, start + lasted, site);
		if (work)
			drawStep(work.worker, work.start_ns, work.end_ns, site);
	}
	for (const step of steps) {
		if (step.parent === null)
			continue;
		const { caused_ns: caused, start_ns: start } = step;
		const { worker } = steps[step.parent];
		if (step.work && step.work.worker !== null) {
			const { work } = step;
			drawCause(worker, caused, work.worker, work.start_ns, step.in_path);
			drawCause(work.worker, work.end_ns, step.worker, start, step.in_path);
		} else {
			drawCause(worker, caused, step.worker, start, step.in_path);
		}
	}
}

function isLeft(x) {
	return x < GUTTER;
}

function isRight(x) {
	return x > canvas.clientWidth;
}

function drawThread(points) {
	context.beginPath();
	for (let i = 1; i < points.length; i++) {
		const [x, y] = points[i], [beforeX, beforeY] = points[i - 1];
		if ((isLeft(beforeX) && isLeft(x)) || (isRight(beforeX) && isRight(x)))
			continue;
		context.moveTo(beforeX, beforeY);
		context.lineTo(x, y);
	}
	context.stroke();
}

function drawDots(points) {
	let last = -10;
	for (const [x, y] of points) {
		if (isLeft(x + 5) || isRight(x - 5) || Math.abs(x - last) < DOT_APART)
			continue;
		last = x;
		context.fillRect(x - DOT, y - DOT, 2 * DOT, 2 * DOT);
	}
}

/* The followed object: a thread from event to event. */
function drawLife() {
	if (!view.life)
		return;
	const scale = plotWidth() / (state.to - state.from), points = [];
	const xOfEvent = (event) => GUTTER + (event.start_ns - state.from) * scale;
	for (const event of view.life.events) {
		const lane = laneOfPosition(event.worker);
		if (lane)
			points.push([xOfEvent(event), middleOf(lane)]);
	}
	context.strokeStyle = context.fillStyle = theme.colors.select;
	context.lineWidth = 1.5;
	drawThread(points);
	drawDots(points);
}

export function drawLinks() {
	clipped(GUTTER, view.scroll, plotWidth(), canvas.clientHeight, () => {
		if (view.transaction)
			drawTransaction();
		if (view.iteration)
			drawIteration();
		if (view.behind)
			drawWaiters();
		drawStallTicks();
		drawWakes();
		drawLife();
	});
}

export function drawScrollbar() {
	const shown = lanesBottom() - AXIS_HEIGHT, all = view.lanesHeight - AXIS_HEIGHT;
	if (all <= shown)
		return;
	const top = AXIS_HEIGHT + (view.scroll / all) * shown;
	context.fillStyle = theme.colors.muted;
	context.fillRect(GUTTER - 6, top, 4, Math.max(20, (shown / all) * shown));
}
