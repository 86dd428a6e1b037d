/* SPDX-License-Identifier: Apache-2.0
 *
 * Iterations of the loops: how long those took that ran callbacks, the worst ones, and one of them
 * with its phases, as far as its callbacks tell them.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDuration, formatExact, formatPercent, plural } from '../format.js';
import { state } from '../state.js';
import { view } from '../draw/view.js';
import { showAround, timeText } from '../draw/range.js';
import { select, siteOf } from '../control/actions.js';
import {
	filteredRuns, jumpIteration, leaveIteration, showIteration, takeIterations,
} from '../control/jobs.js';
import { phasesOf } from '../draw/phases.js';
import { actionButton, facts, item, listOf, paragraph, rowButton, span } from './pieces.js';
import { countColumn, durationColumn, table } from './tables.js';
import { distributionSection } from './distribution.js';
import { leftOutText, overTime } from './panel_runs.js';

const CALLBACKS_SHOWN = 12; // of a phase

// ---- One of them --------------------------------------------------------------------------------

const BEGAN = {
	park: 'the loop woke', look: 'the loop looked, without sleeping', enter: 'uv_run began',
};

function callbackItem(poll) {
	return item(rowButton(() => select(poll.worker, poll.tick, true),
		span('figure', formatDuration(poll.duration_ns)),
		span('what', `${siteOf(poll).kind} ${siteOf(poll).name}`)));
}

function phaseRow({ label, polls, ns, whole }) {
	const slowest = [...polls].sort((a, b) => b.duration_ns - a.duration_ns);
	const rest = polls.length - CALLBACKS_SHOWN;
	const share = whole > 0 ? `, ${formatPercent(ns / whole)}` : '';
	return element('div', { class: 'phase' },
		element('h3', {}, `${label}: ${plural(polls.length, 'callback')}, ` +
			formatDuration(ns) + share),
		listOf('rows', slowest.slice(0, CALLBACKS_SHOWN).map(callbackItem)),
		rest > 0 && paragraph('more', `and ${formatCount(rest)} more`));
}

function iterationButtons() {
	const { began_ns: began, end_ns: end } = view.iteration;
	return element('p', { class: 'buttons' },
		actionButton('‹ Previous', () => jumpIteration(true)), ' ',
		actionButton('Next ›', () => jumpIteration(false)), ' ',
		end !== null && actionButton('Show all of it', () => showAround(began, end)), ' ',
		actionButton('Close', leaveIteration));
}

function oneIteration() {
	const { iteration } = view;
	if (!iteration)
		return null;
	const { worker, began_ns: began, end_ns: end, count, callbacks_ns: ns, list } = iteration;
	const cut = count > list.length ? `; the first ${formatCount(list.length)} are told` : '';
	return element('section', { id: 'iteration' },
		element('h2', {}, 'One iteration'), iterationButtons(),
		facts([
			['Worker', String(view.process.workers[worker].worker)],
			['Begin', `${timeText(began, 1000)}: ${BEGAN[iteration.after]}`],
			['Ready', iteration.after === 'enter' ? ''
				: plural(iteration.ready, 'descriptor')],
			['Took', end === null ? 'its end is not in the trace'
				: formatExact(end - began)],
			['Callbacks', `${formatCount(count)}, ${formatDuration(ns)} in them${cut}`],
			['Between', end === null ? ''
				: `${formatDuration(end - began - ns)} in the loop itself`],
		]),
		phasesOf(iteration, siteOf).map((phase) => phaseRow({ ...phase, whole: ns })),
		paragraph('more', 'Phases are those of the callbacks’ kinds. What libuv keeps ' +
			'for its pending phase cannot be told from what poll found, ' +
			'where nothing ran between.'));
}

// ---- All of them --------------------------------------------------------------------------------

const LOOP_COLUMNS = [
	{ key: 'worker', label: 'Loop', text: true, head: true,
		show: ({ worker }) => String(worker) },
	countColumn('turns', 'Iterations'),
	countColumn('empty_turns', 'Empty', 'looked without sleeping and found nothing'),
	durationColumn('empty_turns_ns', 'Time'), countColumn('runs', 'uv_run'),
];

function iterationItem({ worker, tick, start_ns: start, duration_ns: lasted, object: polls }) {
	return item(rowButton(() => showIteration(worker, tick),
		span('figure', formatDuration(lasted)), span('what', timeText(start, 1e6)),
		span('when', plural(polls, 'callback'))));
}

function worstSection() {
	const { iterations } = view;
	if (!iterations)
		return paragraph('more', 'The worst ones are on their way …');
	const shown = filteredRuns(iterations.rows);
	return [
		leftOutText(iterations, shown, 'iteration') &&
			paragraph('more', leftOutText(iterations, shown, 'iteration')),
		distributionSection({ id: 'iterations-distribution', key: 'all',
			title: 'Time in callbacks, by iteration', word: 'iteration', rows: shown,
			rowItem: iterationItem }),
		shown.length > 0 && overTime(shown, 'iteration',
			({ worker, tick }) => showIteration(worker, tick)),
	];
}

function turnText({ count, p50_ns: p50, p99_ns: p99, max_ns: most }) {
	return `${plural(count, 'iteration')} ran callbacks: for ${formatDuration(p50)} in the ` +
		`median, p99 ${formatDuration(p99)}, at most ${formatDuration(most)}.`;
}

export function showIterations({ turn, loops, tier }) {
	const panel = byId('panel-iterations');
	if (!turn || turn.count === 0) {
		fill(panel, paragraph('empty', tier === 'libc'
			? 'Iterations are what the lanes show here: their callbacks cannot be seen.'
			: 'No loop ran a callback.'));
		return;
	}
	if (state.tab === 'iterations' && !view.iterations)
		takeIterations();
	fill(panel, oneIteration(), element('p', {}, turnText(turn)),
		loops.length > 0 && table('loops', 'Loops', LOOP_COLUMNS, loops, ['worker', 1]),
		worstSection());
}
