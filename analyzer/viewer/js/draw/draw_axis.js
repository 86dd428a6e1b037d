/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws the axis of times, the lines below its ticks, and the range that figures are of.
 */
import { formatDate, formatDuration } from '../format.js';
import { notesOf, state } from '../state.js';
import { view } from './view.js';
import { theme } from './theme.js';
import { FONT, canvas, clipText, context } from './canvas.js';
import { AXIS_HEIGHT, GUTTER, plotWidth, xOf } from './layout.js';
import { timeText } from './range.js';

const TICK_APART = 110; // pixels, about
const TICK_STEPS = [1, 2, 5];
/* Of a clock, where they are longer than a second. */
const CLOCK_STEPS = [
	1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
].map((seconds) => seconds * 1e9);
const MINUTE_NS = 60000000000n;
const TEXT_HALF = 30;

/* A round step between ticks, in ns. */
function tickStep() {
	const least = ((state.to - state.from) / plotWidth()) * TICK_APART;
	if (state.time === 'clock' && least > CLOCK_STEPS[0])
		return CLOCK_STEPS.find((step) => step >= least) ?? CLOCK_STEPS.at(-1) * Math.ceil(
			least / CLOCK_STEPS.at(-1));
	const power = 10 ** Math.floor(Math.log10(least));
	return power * (TICK_STEPS.find((step) => step * power >= least) || 10);
}

/* How long before the start of the trace the last round time was, by what times count from. */
function sinceRound(step) {
	if (state.time !== 'clock')
		return 0;
	const { startRealNs: start } = view.process;
	const minutes = new Date(Number(start / 1000000n)).getTimezoneOffset();
	return Number((start - BigInt(minutes) * MINUTE_NS) % BigInt(step));
}

function eachTick(step, take) {
	const before = sinceRound(step), first = Math.ceil((state.from + before) / step);
	for (let i = first; i * step - before <= state.to; i++)
		take(Math.round(xOf(i * step - before)) + 0.5, i * step - before);
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

/* How much is shown; by the wall clock, also of which day and in which zone. */
function drawShown() {
	const width = formatDuration(state.to - state.from) + ' shown';
	if (state.time !== 'clock') {
		context.fillText(width, 12, AXIS_HEIGHT / 2);
		return;
	}
	context.font = FONT.small;
	context.fillText(width, 12, AXIS_HEIGHT / 2 - 6);
	context.fillText(formatDate(state.from, view.process.startRealNs), 12, AXIS_HEIGHT / 2 + 6);
	context.font = FONT.normal;
}

export function drawAxis() {
	const step = tickStep();
	context.fillStyle = theme.colors.surface;
	context.fillRect(0, 0, canvas.clientWidth, AXIS_HEIGHT);
	context.fillStyle = theme.colors.muted;
	context.textAlign = 'left';
	drawShown();
	context.textAlign = 'center';
	eachTick(step, (x, at) => {
		if (x > GUTTER + TEXT_HALF && x < canvas.clientWidth - TEXT_HALF)
			context.fillText(timeText(at, step), x, AXIS_HEIGHT / 2);
	});
	context.textAlign = 'left';
	context.fillStyle = theme.colors.line;
	context.fillRect(0, AXIS_HEIGHT - 1, canvas.clientWidth, 1);
}

/* Notes: a flag at the time, with as much of its text as there is room for. */
export function drawNotes() {
	const notes = notesOf(state.notes), room = (i) =>
		(notes[i + 1] ? xOf(notes[i + 1].ns) : canvas.clientWidth) - xOf(notes[i].ns) - 12;
	notes.forEach(({ ns, text }, i) => {
		const x = xOf(ns);
		if (x < GUTTER || x > canvas.clientWidth)
			return;
		context.fillStyle = theme.colors.select;
		context.fillRect(x - 1, AXIS_HEIGHT - 10, 2, canvas.clientHeight);
		const shown = clipText(text, room(i));
		if (!shown)
			return;
		context.fillRect(x, AXIS_HEIGHT, context.measureText(shown).width + 8, 16);
		context.fillStyle = theme.colors.surface;
		context.fillText(shown, x + 4, AXIS_HEIGHT + 8);
	});
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
