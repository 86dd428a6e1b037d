/* SPDX-License-Identifier: Apache-2.0
 *
 * The strip above the timeline: the whole trace, column by column how busy its workers were and the
 * worst poll, and which part of it is shown.
 */
import { byId } from '../dom.js';
import { state } from '../state.js';
import { view } from './view.js';
import { theme } from './theme.js';
import { FONT, sizeCanvas } from './canvas.js';
import { GUTTER } from './layout.js';

const strip = byId('strip');
const stripContext = strip.getContext('2d', { alpha: false });

function stripWidth() {
	return strip.clientWidth - GUTTER;
}

export function stripNs(x) {
	const { start_ns: start, end_ns: end } = view.process;
	return start + ((x - GUTTER) / stripWidth()) * (end - start);
}

function stripX(ns) {
	const { start_ns: start, end_ns: end } = view.process;
	return GUTTER + ((ns - start) / (end - start)) * stripWidth();
}

/* How high a poll is drawn, 0 to 1, by the logarithm of its duration: 1 µs at the bottom, 1 s at
 * the top. */
function levelOf(ns) {
	return Math.min(1, Math.max(0, Math.log10(ns / 1e3) / 6));
}

function drawBusy({ busy, columns }, height) {
	const step = stripWidth() / columns, full = height - 8;
	stripContext.fillStyle = theme.colors.chart;
	for (let i = 0; i < columns; i++) {
		const bar = busy[i] * full;
		stripContext.fillRect(GUTTER + i * step, height - bar, step + 0.3, bar);
	}
}

function drawWorst({ worst, columns }, height) {
	const step = stripWidth() / columns;
	for (let i = 0; i < columns; i++) {
		if (worst[i] <= 0)
			continue;
		const isLong = worst[i] >= state.long;
		const top = height - 5 - levelOf(worst[i]) * (height - 10);
		stripContext.fillStyle = isLong ? theme.colors.bad : theme.colors.muted;
		const width = isLong ? Math.max(step, 2) : step;
		stripContext.fillRect(GUTTER + i * step, top, width, isLong ? 3 : 1.5);
	}
}

function drawStripLabel(height) {
	stripContext.fillStyle = theme.colors.text;
	stripContext.fillText('Whole trace', 12, height / 2 - 8);
	stripContext.fillStyle = theme.colors.muted;
	stripContext.font = FONT.small;
	stripContext.fillText('busy, and the longest run', 12, height / 2 + 8);
}

/* Dims what is not shown, and frames what is. */
function drawWindow(height) {
	const x = Math.max(GUTTER, stripX(state.from));
	const end = Math.min(strip.clientWidth, stripX(state.to));
	stripContext.fillStyle = theme.colors.plane;
	stripContext.globalAlpha = 0.62;
	stripContext.fillRect(GUTTER, 0, x - GUTTER, height);
	stripContext.fillRect(end, 0, strip.clientWidth - end, height);
	stripContext.globalAlpha = 1;
	stripContext.fillStyle = theme.colors.accent;
	stripContext.fillRect(x - 1, 0, 2, height);
	stripContext.fillRect(end - 1, 0, 2, height);
	stripContext.fillRect(x, 0, Math.max(2, end - x), 2);
	stripContext.fillRect(x, height - 2, Math.max(2, end - x), 2);
}

export function drawStrip() {
	const height = strip.clientHeight;
	sizeCanvas(strip, stripContext);
	stripContext.fillStyle = theme.colors.surface;
	stripContext.fillRect(0, 0, strip.clientWidth, height);
	drawStripLabel(height);
	if (view.overview) {
		drawBusy(view.overview, height);
		drawWorst(view.overview, height);
	}
	drawWindow(height);
}
