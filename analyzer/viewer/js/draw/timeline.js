/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline as a whole: draws a frame of all its parts, and has them follow the state and the
 * window.
 *
 * Rules: one frame draws what is there and never waits; what is missing is asked for (strokes.js)
 * and drawn when it has come.
 */
import { byId } from '../dom.js';
import { state } from '../state.js';
import { view } from './view.js';
import { readTheme, theme } from './theme.js';
import { canvas, clipped, context, sizeCanvas } from './canvas.js';
import { onFrame, redraw } from './frame.js';
import { AXIS_HEIGHT, layOut, lanesBottom } from './layout.js';
import { refreshOverview, refreshStrokes } from './strokes.js';
import { drawLane } from './draw_lanes.js';
import { drawLinks, drawOff, drawScrollbar } from './draw_over.js';
import { drawAxis, drawGrid, drawNotes, drawRange } from './draw_axis.js';
import { drawCharts } from './draw_charts.js';
import { drawStrip } from './strip.js';

function drawAll() {
	if (state.from === null)
		return;
	sizeCanvas(canvas, context);
	context.fillStyle = theme.colors.plane;
	context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
	drawGrid();
	clipped(0, AXIS_HEIGHT, canvas.clientWidth, lanesBottom() - AXIS_HEIGHT, () => {
		context.translate(0, -view.scroll);
		view.lanes.forEach(drawLane);
		drawOff();
		drawLinks();
	});
	drawScrollbar();
	drawCharts();
	drawAxis();
	drawRange();
	drawNotes();
	drawStrip();
}

/* Follows the state. `what`: the names of what was changed in it, or null: everything. */
export function refreshTimeline(what) {
	const has = (...keys) => !what || keys.some((key) => what.has(key));
	if (!view.process)
		return;
	if (has('hidden', 'said'))
		layOut();
	if (has('from', 'to', 'said'))
		refreshStrokes();
	redraw();
}

export function refreshAll() {
	refreshTimeline(null);
	refreshOverview(byId('strip').clientWidth);
}

/* The theme's colours anew, where it or the system's was turned. */
export function followTheme() {
	readTheme();
	redraw();
}

export function setUpTimeline() {
	onFrame(drawAll);
	new ResizeObserver(() => {
		if (view.process) {
			layOut();
			refreshAll();
		}
	}).observe(canvas);
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', followTheme);
	canvas.addEventListener('focus', redraw);
	canvas.addEventListener('blur', redraw);
	followTheme();
}
