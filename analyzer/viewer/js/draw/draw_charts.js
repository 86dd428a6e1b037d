/* SPDX-License-Identifier: Apache-2.0
 *
 * Draws the charts below the lanes: steps of one quantity or of two, one over the other, by columns
 * of what was drawn.
 */
import { formatCount } from '../format.js';
import { state } from '../state.js';
import { view } from './view.js';
import { theme } from './theme.js';
import { FONT, canvas, clipped, context } from './canvas.js';
import {
	CHART_HEIGHT, GUTTER, chartTop, chartsHeight, lanesBottom, plotWidth, shownCharts, xOf,
} from './layout.js';

/* [first, last) of the columns that are in view. */
function chartRange() {
	const { from, to, columns } = view.drawn;
	const width = (to - from) / columns;
	const first = Math.floor((state.from - from) / width);
	const last = Math.ceil((state.to - from) / width);
	return [Math.max(0, first), Math.min(columns, last)];
}

function drawSteps(values, most, top, color) {
	const { from, to, columns } = view.drawn;
	const [first, last] = chartRange();
	const scale = plotWidth() / (state.to - state.from), step = ((to - from) / columns) * scale;
	let x = GUTTER + (from + ((to - from) / columns) * first - state.from) * scale;
	context.fillStyle = color;
	for (let i = first; i < last; i++, x += step) {
		const height = (values[i] / most) * CHART_HEIGHT;
		if (height > 0)
			context.fillRect(x, top + CHART_HEIGHT - height, step + 0.3, height);
	}
}

function greatest(values) {
	const [first, last] = chartRange();
	let most = 0;
	for (let i = first; i < last; i++)
		most = Math.max(most, values[i]);
	return most;
}

function isUnseen(chart) {
	return chart.needsCalls && view.process.report.tier === 'libc';
}

function chartNote(chart) {
	if (isUnseen(chart))
		return 'cannot be seen (libc tier)';
	return chart.under ? `over ${chart.under}` : chart.note;
}

function drawChartLabel(chart, most, top) {
	context.fillStyle = theme.colors.text;
	context.font = FONT.bold;
	context.fillText(chart.label, 12, top + 9);
	context.font = FONT.small;
	context.fillStyle = theme.colors.muted;
	context.fillText(chartNote(chart), 12, top + 25);
	context.textAlign = 'right';
	if (!isUnseen(chart))
		context.fillText(formatCount(most), GUTTER - 8, top + 9);
	context.textAlign = 'left';
	context.font = FONT.normal;
}

function drawChart(chart, top) {
	const { charts } = view.drawn;
	const over = charts[chart.values], under = charts[chart.underValues];
	const sum = charts[chart.bothValues] || over;
	const full = Math.max(1, greatest(sum));
	const { start_ns: start, end_ns: end } = view.process;
	const x = Math.max(GUTTER, xOf(start)), right = Math.min(GUTTER + plotWidth(), xOf(end));
	clipped(x, top - 1, Math.max(0, right - x), CHART_HEIGHT + 2, () => {
		drawSteps(sum, full, top, theme.colors.chart);
		if (under)
			drawSteps(under, full, top, theme.colors.chart2);
	});
	context.fillStyle = theme.colors.line;
	context.fillRect(GUTTER, top + CHART_HEIGHT, plotWidth(), 1);
	drawChartLabel(chart, greatest(over), top);
}

export function drawCharts() {
	const top = lanesBottom();
	context.fillStyle = theme.colors.plane;
	context.fillRect(0, top, GUTTER, chartsHeight());
	context.fillStyle = theme.colors.line;
	context.fillRect(0, top, canvas.clientWidth, 1);
	if (view.drawn)
		shownCharts().forEach((chart, i) => drawChart(chart, chartTop(i)));
}
