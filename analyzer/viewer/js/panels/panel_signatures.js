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
import { item, paragraph, rowButton, shortName, span } from './pieces.js';
import { countColumn, durationColumn, table } from './tables.js';
import { PARTS } from './panel_transaction.js';
import { distributionSection } from './distribution.js';

const KINDS_SHOWN = 8;
const CULPRITS_TOLD = 3;

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

function slowestItem({ id, start_ns: start, duration_ns: lasted }) {
	return item(rowButton(() => showTransaction(id), span('figure', formatDuration(lasted)),
		span('what', id), span('when', timeText(start, 1e6))));
}

function ofSignature(signature) {
	return distributionSection({
		id: 'distribution', key: signature, title: 'Distribution', word: 'transaction',
		rows: rowsOf(new Set([signature])).map(briefOf), rowItem: slowestItem,
	});
}

// ---- All of it ----------------------------------------------------------------------------------

function chosenSection() {
	const row = view.process.report.transactions[state.signature];
	if (!row)
		return null;
	const title = signatureText({ ...row, root_callback: shortName(row.root_callback ?? '') });
	return element('div', { id: 'signature' }, element('h2', {}, title),
		sharesTable(row), ofSignature(state.signature));
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
