/* SPDX-License-Identifier: Apache-2.0
 *
 * The shown transaction: where its time went, and its waterfall: a line a step, with what the step
 * waited for, in the colours of those that it waited behind, and its run.
 *
 * Rules: the parts of a step's wait are drawn one after another, to scale; how long each was is
 * exact, where within the wait it lay is not told.
 */
import { element } from '../dom.js';
import { formatCount, formatDuration, formatExact, formatPercent, plural } from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { showAround, timeText } from '../draw/range.js';
import { select, siteOf } from '../control/actions.js';
import { jumpInSignature, showTransaction } from '../control/transactions.js';
import { rowOfId, rowsOf } from '../briefs.js';
import { actionButton, facts, item, paragraph, shortName, span } from './pieces.js';

const STEPS_SHOWN = 200;
const CULPRITS_SHOWN = 5;

export const PARTS = {
	own_ns: 'own callbacks', behind_ns: 'behind others', pool_wait_ns: 'waiting for the pool',
	pool_run_ns: 'on the pool', external_ns: 'external', kernel_ns: 'woken late',
};

export function kindOf(site) {
	const { kind } = siteOf({ site });
	return kind === 'after_work' ? 'work' : kind;
}

export function siteSwatch(site) {
	return element('span', { class: 'swatch', 'data-rank': view.ranks[site] ?? -1,
		'aria-hidden': 'true' });
}

// ---- Where the time went ------------------------------------------------------------------------

/* [[site, ns], …] of some lists of {site, ns}, the longest first. */
function addedUp(lists) {
	const sums = new Map();
	for (const { site, ns } of lists.flat())
		sums.set(site, (sums.get(site) || 0) + ns);
	return [...sums].sort((a, b) => b[1] - a[1]);
}

/* "renderPage", or what stands for callbacks that are not told apart. */
function culpritName(site) {
	return site < view.process.sites.length - 1
		? `${kindOf(site)} ${shortName(siteOf({ site }).name)}`
		: 'the loop itself, or others';
}

function culpritList(title, named) {
	const rest = named.length - CULPRITS_SHOWN;
	const lines = named.slice(0, CULPRITS_SHOWN).map(([site, ns]) => element('div', {},
		siteSwatch(site), `${culpritName(site)} `, span('place', formatDuration(ns))));
	if (rest > 0)
		lines.push(element('div', { class: 'place' }, `and ${rest} more`));
	return lines.length > 0 && [title, lines];
}

function partFact([key, label], { parts, duration_ns: whole }) {
	if (parts[key] === 0)
		return null;
	const swatch = element('span', { class: `part ${key}`, 'aria-hidden': 'true' });
	const share = whole ? formatPercent(parts[key] / whole) : '';
	return [[swatch, label], `${formatDuration(parts[key])} `, span('place', share)];
}

function partsFacts(transaction) {
	const path = transaction.steps.filter((step) => step.in_path);
	return facts([
		...Object.entries(PARTS).map((part) => partFact(part, transaction)),
		culpritList('Behind', addedUp(path.map((step) => step.behind))),
		culpritList('The pool had', addedUp(path.map((step) => step.busy))),
	]);
}

// ---- The waterfall ------------------------------------------------------------------------------

/* Pieces {ns, part, site} of a wait: by those that it waited for, and what nobody is named for. */
function piecesOf(step, part, named) {
	const pieces = named.map(({ site, ns }) => ({ part, site, ns }));
	const rest = step.parts[part] - named.reduce((sum, { ns }) => sum + ns, 0);
	return [...pieces, { part, ns: Math.max(0, rest) }];
}

/* The callback that led to a step went on, on the same loop: its own time before it waited. */
function ownFirst(step, { steps }) {
	const cause = step.parent === null ? null : steps[step.parent];
	if (!cause || cause.worker !== step.worker)
		return step.parent === null ? step.parts.own_ns : 0;
	const end = cause.start_ns + cause.duration_ns;
	return Math.min(step.parts.own_ns, Math.max(0, end - step.caused_ns));
}

function waitPieces(step, transaction) {
	const first = ownFirst(step, transaction);
	const plain = (part, ns = step.parts[part]) => ({ part, ns });
	return [
		plain('own_ns', first),
		...piecesOf(step, 'pool_wait_ns', step.busy), plain('pool_run_ns'),
		plain('external_ns'), plain('kernel_ns'),
		...piecesOf(step, 'behind_ns', step.behind),
		plain('own_ns', step.parts.own_ns - first),
	].filter(({ ns }) => ns > 0);
}

function pieceText({ part, site, ns }) {
	const whom = site === undefined ? '' : `: ${culpritName(site)}`;
	return `${PARTS[part]}${whom} ${formatDuration(ns)}`;
}

function bar(className, from, ns, { start_ns: begin, duration_ns: whole }, more = {}) {
	const percent = (part) => `${(100 * part) / Math.max(1, whole)}%`;
	const made = element('span', { class: className, ...more });
	made.style.left = percent(from - begin);
	made.style.width = percent(ns);
	return made;
}

function barsOf(step, transaction) {
	const bars = [];
	let at = step.caused_ns;
	for (const piece of waitPieces(step, transaction)) {
		const rank = piece.site === undefined ? null : view.ranks[piece.site] ?? -1;
		bars.push(bar(`part ${piece.part}`, at, piece.ns, transaction,
			{ title: pieceText(piece), 'data-rank': rank }));
		at += piece.ns;
	}
	const run = bar('run', step.start_ns, step.duration_ns, transaction, {
		title: `${siteOf(step).name} ${formatExact(step.duration_ns)}`,
		'data-rank': view.ranks[step.site] ?? -1,
	});
	return span('bars', bars, run);
}

function stepText(step, transaction) {
	const waits = waitPieces(step, transaction).map(pieceText).join(', ');
	const at = formatDuration(step.start_ns - transaction.start_ns);
	const ran = `${kindOf(step.site)} ${siteOf(step).name}: at ${at}, ` +
		`ran ${formatDuration(step.duration_ns)}`;
	return waits ? `${ran}; waited: ${waits}` : ran;
}

function stepItem(step, transaction) {
	const go = () => select(step.worker, step.tick, true);
	const text = stepText(step, transaction);
	const row = element('button',
		{ class: step.in_path ? 'step' : 'step aside', title: text, onclick: go },
		element('span', { class: 'step-name', 'aria-hidden': 'true' },
			span('name', kindOf(step.site)), ` ${siteOf(step).name}`),
		barsOf(step, transaction),
		element('span', { class: 'figure', 'aria-hidden': 'true' },
			formatDuration(step.duration_ns)),
		span('unseen', text));
	return item(row);
}

function waterfall(transaction) {
	const { steps } = transaction, shown = steps.slice(0, STEPS_SHOWN);
	return [
		element('ol', { class: 'waterfall' },
			shown.map((step) => stepItem(step, transaction))),
		steps.length > shown.length && paragraph('more',
			`and ${plural(steps.length - shown.length, 'step')} more`),
	];
}

// ---- All of it ----------------------------------------------------------------------------------

function placeInSignature({ id, signature, duration_ns: lasted }) {
	if (signature < 0)
		return null;
	const rows = rowsOf(new Set([signature])), own = rowOfId(id);
	const row = view.process.report.transactions[signature];
	const p50 = row ? `, whose median is ${formatDuration(row.p50_ns)}` : '';
	const nth = `no. ${formatCount(rows.indexOf(own) + 1)} of ${formatCount(rows.length)}`;
	return `${nth} of its signature by time${lasted && p50}`;
}

function buttons({ id, start_ns: start, duration_ns: lasted, signature }) {
	const all = () => change({ signature, tab: 'transactions' });
	return element('p', { class: 'buttons' },
		actionButton('Show all of it', () => showAround(start, start + lasted)), ' ',
		signature >= 0 && [
			actionButton('‹ Previous', () => jumpInSignature(true)), ' ',
			actionButton('Next ›', () => jumpInSignature(false)), ' ',
			actionButton('Its signature', all), ' ',
		],
		actionButton(state.only === id ? 'Show others too' : 'Only this',
			() => change({ only: state.only === id ? '' : id })));
}

/* How long what arrived may have lain there before. */
function beforeText({ before_ns_at_most: ns, before_site: site }) {
	return ns > 0 ? `at most ${formatDuration(ns)}, behind ${culpritName(site)}` : null;
}

function linkTo(id) {
	return id && actionButton(id, () => showTransaction(id));
}

/* null: none is shown. */
export function transactionSection() {
	const { transaction } = view;
	if (!transaction)
		return null;
	const { start_ns: start, duration_ns: lasted, cut, steps } = transaction;
	const linked = steps.filter((step) => step.linked).map((step) => linkTo(step.linked));
	return element('section', { id: 'transaction' },
		element('h2', {}, `Transaction ${transaction.id}`),
		buttons(transaction),
		facts([
			['Root', culpritName(steps[0].site)],
			['Begin', timeText(start, 1000)],
			['Before', beforeText(transaction)],
			['Duration', element('strong', {}, formatExact(lasted))],
			['Place', placeInSignature(transaction)],
			['Cut', cut],
			['Started by', linkTo(transaction.started_by)],
			['Also woken by', linked.length > 0 ? linked : null],
		]),
		waterfall(transaction),
		cut ? null : partsFacts(transaction));
}
