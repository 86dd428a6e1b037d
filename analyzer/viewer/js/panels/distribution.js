/* SPDX-License-Identifier: Apache-2.0
 *
 * How durations are distributed: bars on a logarithmic axis, a brush over them (drawn with the
 * mouse, or two sliders for the keys), and those that the brush takes, the slowest first. One for
 * transactions, runs of a callback and iterations of a loop.
 *
 * What is shown: {id, key, rows, word, title, rowItem(row)}. `id` names its elements and its brush;
 * another `key` begins with a brush over everything. Rows have a duration_ns.
 */
import { element, fill } from '../dom.js';
import { formatCount, formatDuration, plural } from '../format.js';
import { paragraph, section, span } from './pieces.js';

const BINS = 60;
const SLOWEST_SHOWN = 20;

const brushes = {}; // by id: {key, first, last}, bins

// ---- The bins -----------------------------------------------------------------------------------

function lastedOf({ duration_ns: ns }) {
	return Math.max(1, ns);
}

function distributionOf(rows) {
	const low = rows.reduce((least, row) => Math.min(least, lastedOf(row)), Infinity);
	const most = rows.reduce((greatest, row) => Math.max(greatest, lastedOf(row)), 1);
	const step = Math.log(Math.max(low * 1.0001, most) / low) / BINS;
	const binOf = (row) => Math.min(BINS - 1,
		Math.max(0, Math.floor(Math.log(lastedOf(row) / low) / step)));
	const counts = new Array(BINS).fill(0);
	for (const row of rows)
		counts[binOf(row)]++;
	return { counts, binOf, edge: (bin) => low * Math.exp(bin * step) };
}

function brushOf({ id, key }) {
	if (brushes[id]?.key !== key)
		brushes[id] = { key, first: 0, last: BINS - 1 };
	return brushes[id];
}

function isInBrush({ first, last }, bin) {
	return bin >= first && bin <= last;
}

// ---- What follows the brush ---------------------------------------------------------------------

function showBrushed(shown, bins, nodes) {
	const brush = brushOf(shown), { edge } = bins;
	const taken = shown.rows.filter((row) => isInBrush(brush, bins.binOf(row)))
		.sort((a, b) => b.duration_ns - a.duration_ns);
	nodes.bars.forEach((node, bin) => node.classList.toggle('out', !isInBrush(brush, bin)));
	for (const [input, bin, at] of [
		[nodes.from, brush.first, brush.first], [nodes.to, brush.last, brush.last + 1],
	]) {
		input.value = String(bin);
		input.setAttribute('aria-valuetext', formatDuration(edge(at)));
	}
	const from = formatDuration(edge(brush.first)), to = formatDuration(edge(brush.last + 1));
	const first = taken.length > SLOWEST_SHOWN ? `, of which the ${SLOWEST_SHOWN} slowest` : '';
	nodes.text.textContent = `${plural(taken.length, shown.word)} from ${from} to ${to}, ` +
		`the slowest first${first}:`;
	fill(nodes.list, taken.slice(0, SLOWEST_SHOWN).map(shown.rowItem));
}

function slideInput(id, label, onInput) {
	const input = element('input', {
		type: 'range', id, min: '0', max: String(BINS - 1), step: '1', 'aria-label': label,
	});
	input.addEventListener('input', () => onInput(Number(input.value)));
	return input;
}

/* Pressed and drawn over, the bars become the brush. */
function dragOver(chart, follow) {
	const binAt = (event) => {
		const { left, width } = chart.getBoundingClientRect();
		const bin = Math.floor(((event.clientX - left) / width) * BINS);
		return Math.min(BINS - 1, Math.max(0, bin));
	};
	let from = null;
	chart.addEventListener('pointerdown', (event) => {
		from = binAt(event);
		chart.setPointerCapture(event.pointerId);
		follow(from, from);
	});
	chart.addEventListener('pointermove', (event) => {
		if (from !== null)
			follow(from, binAt(event));
	});
	chart.addEventListener('pointerup', () => { from = null; });
}

function chartOf(id, { counts, edge }) {
	const most = Math.max(1, ...counts);
	const bars = counts.map((count, bin) => {
		const range = `${formatDuration(edge(bin))} to ${formatDuration(edge(bin + 1))}`;
		const node = element('span', { title: `${range}: ${formatCount(count)}` });
		node.style.height = `${count ? Math.max(3, (100 * count) / most) : 0}%`;
		return node;
	});
	const label = `Distribution of durations, ${formatDuration(edge(0))} to ` +
		`${formatDuration(edge(BINS))}, most in one bar: ${formatCount(most)}`;
	return { bars, chart: element('div', { id, class: 'distribution', role: 'img',
		'aria-label': label }, bars) };
}

/* null: there is nothing to be distributed. */
export function distributionSection(shown) {
	if (shown.rows.length === 0)
		return null;
	const { id } = shown, bins = distributionOf(shown.rows), brush = brushOf(shown);
	const { bars, chart } = chartOf(id, bins);
	const nodes = { bars, text: paragraph('more'), list: element('ol', { class: 'rows' }) };
	const follow = (one, other) => {
		brush.first = Math.min(one, other);
		brush.last = Math.max(one, other);
		showBrushed(shown, bins, nodes);
	};
	nodes.from = slideInput(`${id}-from`, 'Least duration', (bin) => follow(bin, brush.last));
	nodes.to = slideInput(`${id}-to`, 'Greatest duration', (bin) => follow(brush.first, bin));
	dragOver(chart, follow);
	showBrushed(shown, bins, nodes);
	return section(shown.title, chart,
		element('div', { class: 'axis', 'aria-hidden': 'true' },
			[0, 1 / 3, 2 / 3, 1].map((part) =>
				span('', formatDuration(bins.edge(BINS * part))))),
		element('div', { class: 'brush' }, nodes.from, nodes.to), nodes.text, nodes.list);
}
