/* SPDX-License-Identifier: Apache-2.0
 *
 * The panel of transactions: by signature, and of the chosen one where the time of its median and
 * of its slowest went, how its durations are distributed, and the slowest of those that a brush
 * takes.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDuration, plural } from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { timeText } from '../draw/range.js';
import { showTransaction } from '../control/transactions.js';
import { briefOf, rowsOf, signatureText } from '../briefs.js';
import { item, paragraph, rowButton, section, shortName, span } from './pieces.js';
import { countColumn, durationColumn, table } from './tables.js';
import { PARTS } from './panel_transaction.js';

const KINDS_SHOWN = 8;
const BINS = 60;
const SLOWEST_SHOWN = 20;
const CULPRITS_TOLD = 3;

/* The bins that the brush takes, of the distribution of which signature. */
let brush = { signature: null, first: 0, last: BINS - 1 };

// ---- By signature -------------------------------------------------------------------------------

/* Rows of a range are found again among those of all: both say the same of a signature. */
function numberOf(row) {
	const key = ({ callbacks, signature }) => [...callbacks, ...signature].join('\n');
	const wanted = key(row);
	return view.process.report.transactions.findIndex((one) => key(one) === wanted);
}

/* The table stays where it is; what is told of the chosen one comes into view. */
function chooseSignature(signature) {
	change({ signature });
	byId('signature')?.scrollIntoView({ block: 'start' });
}

function signatureCell(row) {
	const number = numberOf(row), [root = 'unknown', ...rest] = row.signature;
	const more = rest.length > KINDS_SHOWN ? ` … ${rest.length - KINDS_SHOWN} more` : '';
	const chosen = number === state.signature;
	const cut = row.cut > 0 ? `; ${formatCount(row.cut)} with this root cut` : '';
	return element('button', {
		class: 'row', title: signatureText(row), 'aria-pressed': String(chosen),
		onclick: () => chooseSignature(number),
	}, span('name', `${root} ${shortName(row.root_callback ?? '')}`),
	span('caller', rest.slice(0, KINDS_SHOWN).join(' › ') + more + cut));
}

const SIGNATURE_COLUMNS = [
	{ key: 'root_callback', label: 'Signature', text: true, head: true, show: signatureCell },
	countColumn('count', 'Count'), durationColumn('p50_ns', 'p50'),
	durationColumn('p99_ns', 'p99'), durationColumn('max_ns', 'Max'),
	durationColumn('total_ns', 'Total'),
];

function totalsText({ count, signatures, cut_count: cut }) {
	const leftOut = view.process.transactions_left_out;
	const more = leftOut > 0
		? ` ${formatCount(leftOut)} are in these figures, but too many to be listed.` : '';
	return `${plural(count, 'transaction')} of ${plural(signatures, 'signature')}; ` +
		`${formatCount(cut)} cut, which are in no figure.${more}`;
}

// ---- One signature ------------------------------------------------------------------------------

function culprits(share, key) {
	const names = share[key].filter((one) => one.callback)
		.map((one) => `${one.kind} ${shortName(one.callback)}`);
	const more = names.length - CULPRITS_TOLD;
	return names.slice(0, CULPRITS_TOLD).join(', ') + (more > 0 ? `, ${more} more` : '');
}

function shareRow([key, label], { median, tail }) {
	const named = { behind_ns: 'behind_by', pool_wait_ns: 'pool_wait_by' }[key];
	return {
		key, label, median: median[key], tail: tail[key],
		whom: named ? culprits(tail, named) : '',
	};
}

const SHARE_COLUMNS = [
	{
		key: 'label', label: 'Where the time went', text: true, head: true,
		show: ({ key, label, whom }) => [
			element('span', { class: `part ${key}`, 'aria-hidden': 'true' }), label,
			whom ? span('caller', whom) : null,
		],
	},
	durationColumn('median', 'Median'), durationColumn('tail', 'Slowest 1 %'),
];

function sharesTable(row) {
	if (!row.median || !row.tail)
		return null;
	const rows = Object.entries(PARTS).map((part) => shareRow(part, row))
		.filter(({ median, tail }) => median + tail > 0);
	return table('shares', 'Of one transaction, on average', SHARE_COLUMNS, rows, ['tail', -1]);
}

// ---- The distribution ---------------------------------------------------------------------------

/* Durations in BINS bins of a logarithmic axis. */
function distributionOf(signature) {
	const briefs = rowsOf(new Set([signature])).map(briefOf);
	const lasted = briefs.map((brief) => Math.max(1, brief.duration_ns));
	const low = lasted.reduce((least, ns) => Math.min(least, ns), Infinity);
	const high = Math.max(low * 1.0001, lasted.reduce((most, ns) => Math.max(most, ns), 1));
	const step = Math.log(high / low) / BINS;
	const binOf = (ns) =>
		Math.min(BINS - 1, Math.max(0, Math.floor(Math.log(ns / low) / step)));
	const counts = new Array(BINS).fill(0);
	for (const ns of lasted)
		counts[binOf(ns)]++;
	return { briefs, counts, binOf, edge: (bin) => low * Math.exp(bin * step) };
}

function setBrush(one, other) {
	brush = { ...brush, first: Math.min(one, other), last: Math.max(one, other) };
}

function isInBrush(bin) {
	return bin >= brush.first && bin <= brush.last;
}

function slowestItem({ id, start_ns: start, duration_ns: lasted }) {
	return item(rowButton(() => showTransaction(id), span('figure', formatDuration(lasted)),
		span('what', id), span('when', timeText(start, 1e6))));
}

/* What follows the brush. */
function showBrushed(distribution, nodes) {
	const { briefs, binOf, edge } = distribution;
	const isTaken = ({ duration_ns: ns }) => isInBrush(binOf(Math.max(1, ns)));
	const taken = briefs.filter(isTaken);
	const slowest = taken.sort((a, b) => b.duration_ns - a.duration_ns)
		.slice(0, SLOWEST_SHOWN);
	nodes.bars.forEach((node, bin) => node.classList.toggle('out', !isInBrush(bin)));
	for (const [input, bin, at] of [
		[nodes.from, brush.first, brush.first], [nodes.to, brush.last, brush.last + 1],
	]) {
		input.value = String(bin);
		input.setAttribute('aria-valuetext', formatDuration(edge(at)));
	}
	const from = formatDuration(edge(brush.first)), to = formatDuration(edge(brush.last + 1));
	nodes.text.textContent =
		`${plural(taken.length, 'transaction')} from ${from} to ${to}, the slowest first:`;
	fill(nodes.list, slowest.map(slowestItem));
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

function chartOf({ counts, edge }) {
	const most = Math.max(1, ...counts);
	const bars = counts.map((count, bin) => {
		const range = `${formatDuration(edge(bin))} to ${formatDuration(edge(bin + 1))}`;
		const node = element('span', { title: `${range}: ${formatCount(count)}` });
		node.style.height = `${count ? Math.max(3, (100 * count) / most) : 0}%`;
		return node;
	});
	const label = `Distribution of durations, ${formatDuration(edge(0))} to ` +
		`${formatDuration(edge(BINS))}, most in one bar: ${formatCount(most)}`;
	return { bars, chart: element('div', { id: 'distribution', role: 'img',
		'aria-label': label }, bars) };
}

function distributionSection(signature) {
	const distribution = distributionOf(signature), { edge } = distribution;
	if (distribution.briefs.length === 0)
		return null;
	const { bars, chart } = chartOf(distribution);
	const nodes = { bars, text: paragraph('more'), list: element('ol', { class: 'rows' }) };
	const follow = (one, other) => {
		setBrush(one, other);
		showBrushed(distribution, nodes);
	};
	nodes.from = slideInput('brush-from', 'Least duration', (bin) => follow(bin, brush.last));
	nodes.to = slideInput('brush-to', 'Greatest duration', (bin) => follow(brush.first, bin));
	dragOver(chart, follow);
	showBrushed(distribution, nodes);
	return section('Distribution', chart,
		element('div', { class: 'axis', 'aria-hidden': 'true' },
			[0, 1 / 3, 2 / 3, 1].map((part) =>
				span('', formatDuration(edge(BINS * part))))),
		element('div', { class: 'brush' }, nodes.from, nodes.to), nodes.text, nodes.list);
}

// ---- All of it ----------------------------------------------------------------------------------

function chosenSection() {
	const row = view.process.report.transactions[state.signature];
	if (!row)
		return null;
	if (brush.signature !== state.signature)
		brush = { signature: state.signature, first: 0, last: BINS - 1 };
	const title = signatureText({ ...row, root_callback: shortName(row.root_callback ?? '') });
	return element('div', { id: 'signature' }, element('h2', {}, title),
		sharesTable(row), distributionSection(state.signature));
}

export function showSignatures({ transactions, transaction_totals: totals }) {
	const panel = byId('panel-transactions');
	if (!totals || totals.count + totals.cut_count === 0) {
		fill(panel, paragraph('empty',
			'No transactions: nothing arrived that the trace can follow.'));
		return;
	}
	fill(panel, element('p', {}, totalsText(totals)),
		table('transactions', 'What the program did because of one thing that arrived',
			SIGNATURE_COLUMNS, transactions, ['total_ns', -1]),
		chosenSection());
}
