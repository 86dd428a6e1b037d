/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws the axis of times, the lines below its ticks, and the range that figures are of.
 */
import { formatDuration } from '../format.js';
import { state } from '../state.js';
import { view } from './view.js';
import { theme } from './theme.js';
import { canvas, context } from './canvas.js';
import { AXIS_HEIGHT, GUTTER, plotWidth, xOf } from './layout.js';
import { timeText } from './range.js';

const TICK_APART = 110; // pixels, about
const TICK_STEPS = [1, 2, 5];
const TEXT_HALF = 30;

/* A round step between ticks, in ns. */
function tickStep() {
	const least = ((state.to - state.from) / plotWidth()) * TICK_APART;
	const power = 10 ** Math.floor(Math.log10(least));
	return power * (TICK_STEPS.find((step) => step * power >= least) || 10);
}

function eachTick(step, take) {
	for (let at = Math.ceil(state.from / step) * step; at <= state.to; at += step)
		take(Math.round(xOf(at)) + 0.5, at);
}

export function drawGrid() {
	context.strokeStyle = theme.colors.line;
	context.lineWidth = 1;
	context.beginPath();
	eachTick(tickStep(), (x) => {
		context.moveTo(x, AXIS_HEIGHT);
		context.lineTo(x, canvas.clientHeight);
	});
	context.stroke();
}

export function drawAxis() {
	const step = tickStep();
	context.fillStyle = theme.colors.surface;
	context.fillRect(0, 0, canvas.clientWidth, AXIS_HEIGHT);
	context.fillStyle = theme.colors.muted;
	context.textAlign = 'left';
	context.fillText(formatDuration(state.to - state.from) + ' shown', 12, AXIS_HEIGHT / 2);
	context.textAlign = 'center';
	eachTick(step, (x, at) => {
		if (x > GUTTER + TEXT_HALF && x < canvas.clientWidth - TEXT_HALF)
			context.fillText(timeText(at, step), x, AXIS_HEIGHT / 2);
	});
	context.textAlign = 'left';
	context.fillStyle = theme.colors.line;
	context.fillRect(0, AXIS_HEIGHT - 1, canvas.clientWidth, 1);
}

function drawRangeLabel(x, end, text) {
	const width = context.measureText(text).width + 12;
	if (end - x <= width)
		return;
	context.fillRect((x + end - width) / 2, 4, width, AXIS_HEIGHT - 9);
	context.fillStyle = theme.colors.surface;
	context.textAlign = 'center';
	context.fillText(text, (x + end) / 2, AXIS_HEIGHT / 2);
	context.textAlign = 'left';
}

function shownRange() {
	if (view.drag)
		return view.drag;
	return state.rangeFrom === null ? null : { from: state.rangeFrom, to: state.rangeTo };
}

export function drawRange() {
	const range = shownRange();
	if (!range)
		return;
	const x = Math.max(GUTTER, xOf(Math.min(range.from, range.to)));
	const end = Math.min(canvas.clientWidth, xOf(Math.max(range.from, range.to)));
	if (end < GUTTER || x > canvas.clientWidth)
		return;
	context.globalAlpha = 0.14;
	context.fillStyle = theme.colors.accent;
	context.fillRect(x, 0, end - x, canvas.clientHeight);
	context.globalAlpha = 1;
	context.fillRect(x - 1, 0, 2, canvas.clientHeight);
	context.fillRect(end - 1, 0, 2, canvas.clientHeight);
	drawRangeLabel(x, end, formatDuration(Math.abs(range.to - range.from)));
}
