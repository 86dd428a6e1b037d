/* SPDX-License-Identifier: Apache-2.0
 *
 * The panel of the selected poll: what it was, what the program said in it, behind whom it waited,
 * what it woke and what woke it; and the life of the handle or request that is followed.
 */
import { byId, element, fill } from '../dom.js';
import {
	formatClock, formatCount, formatDuration, formatExact, formatOffset, plural,
} from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { showAround, timeText } from '../draw/range.js';
import { follow, select, siteOf } from '../control/actions.js';
import { showIteration, showRunsOf } from '../control/jobs.js';
import { transactionSection } from './panel_transaction.js';
import { scriptOfPoll } from '../draw/scripts.js';
import { stallItem } from './stalls.js';
import {
	actionButton, facts, item, listOf, longList, paragraph, rowButton, section, span,
} from './pieces.js';

const WAITERS_SHOWN = 50;
const SAME_NS = 1; // starts of one poll that are told with and without a fraction
const LIFE_ROOM_NS = 50000; // shown on either side of an event that is no poll

function workerNumber(position) {
	return view.process.workers[position].worker;
}

// ---- The poll -----------------------------------------------------------------------------------

function codePlace(site) {
	return site.file ? `${site.file}:${site.line}` : site.module || 'unknown';
}

function callerPlace(site) {
	return site.caller + (site.caller_file ? `, ${site.caller_file}:${site.caller_line}` : '');
}

function endNote(detail) {
	if (detail.open)
		return 'still running at the end of the trace';
	if (detail.unended)
		return 'its end was not recorded';
	return detail.unwound ? 'left by an exception, longjmp or the thread’s end' : '';
}

function handleFact({ object, life_of: lifeOf }) {
	const filter = () => change({ object: state.object === object ? '' : object });
	return [
		'Handle', element('code', {}, object), ' ',
		actionButton('Follow its life', () => follow(lifeOf)), ' ',
		actionButton('Filter', filter),
	];
}

function pollFacts(detail, site) {
	const worker = view.process.workers[detail.worker];
	const clock = formatClock(detail.start_ns, view.process.startRealNs, 1000);
	return facts([
		['Kind', detail.in_pool ? `${site.kind}, its work on the pool` : site.kind],
		['Callback', site.name],
		['Runs', detail.in_pool ? null : scriptOfPoll(worker.worker, detail.start_ns)],
		['Defined', codePlace(site)],
		['Registered', callerPlace(site)],
		handleFact(detail),
		['Worker', `${worker.worker} ${worker.role}`],
		['Start', `${formatOffset(detail.start_ns, 1)}, ${clock}`],
		['Duration', element('strong', {}, formatExact(detail.duration_ns))],
		['Nested', detail.depth ? `${detail.depth} deep inside other callbacks` : ''],
		['Note', endNote(detail)],
	]);
}

/* In tier "libc" an iteration of the loop stands for the callbacks that it ran. */
function isIteration({ site }) {
	return view.process.report.tier === 'libc' && site === view.process.sites.length - 1;
}

function iterationFacts(detail) {
	const worker = view.process.workers[detail.worker];
	const clock = formatClock(detail.start_ns, view.process.startRealNs, 1000);
	return facts([
		['Kind', 'iteration: all that the loop ran between two waits'],
		['Began', detail.turn ? iterationBegan(detail.turn) : ''],
		['Callbacks', 'cannot be seen (tier libc), nor how many, nor for which handles'],
		['Worker', `${worker.worker} ${worker.role}`],
		['Start', `${formatOffset(detail.start_ns, 1)}, ${clock}`],
		['Duration', element('strong', {}, formatExact(detail.duration_ns))],
		['Note', endNote(detail)],
	]);
}

// ---- Its iteration, its work, what it woke ------------------------------------------------------

/* How an iteration began, in words. */
function iterationBegan({ after, ready }) {
	if (after === 'enter')
		return 'uv_run began';
	return `the loop ${after === 'park' ? 'woke' : 'looked'} (${plural(ready, 'ready fd')})`;
}

function behindItem(poll) {
	return item(rowButton(() => select(poll.worker, poll.tick),
		span('figure', formatDuration(poll.duration_ns)), span('what', siteOf(poll).name)));
}

function iterationSection({ turn }) {
	if (!turn)
		return null;
	const waited = formatDuration(turn.waited_ns), began = iterationBegan(turn);
	const polls = plural(turn.polls, 'callback');
	return section('Its iteration',
		element('p', {}, turn.polls === 0
			? `It was the first of its iteration and began ${waited} after ${began}.`
			: `It waited ${waited} after ${began}, behind ${polls}:`),
		listOf('rows', turn.behind.map(behindItem)));
}

// ---- Who waited behind it -----------------------------------------------------------------------

function waiterItem({ worker, tick, site, waited_ns: waited }) {
	const { kind, name } = siteOf({ site });
	return item(rowButton(() => select(worker, tick, true),
		span('figure', formatDuration(waited)), span('what', `${kind} ${name}`)));
}

function waitedText({ count, waited_ns: waited, list }) {
	if (count === 0)
		return 'No callback is known to have waited for it.';
	const cut = count > WAITERS_SHOWN ? `; the ${WAITERS_SHOWN} that waited longest` : '';
	const read = count > list.length ? ` of the first ${formatCount(list.length)}` : '';
	return `${plural(count, 'callback')} waited, ${formatDuration(waited)} together` +
		`${cut}${read}:`;
}

/* They are marked in the lane, too. */
function waitersSection() {
	const { behind } = view;
	if (!behind)
		return null;
	const slowest = [...behind.list].sort((a, b) => b.waited_ns - a.waited_ns);
	return element('section', { id: 'waiters' }, element('h2', {}, 'Who waited behind it'),
		element('p', {}, waitedText(behind)),
		listOf('rows', slowest.slice(0, WAITERS_SHOWN).map(waiterItem)));
}

// ---- What samples saw of it ---------------------------------------------------------------------

function samplesSection({ worker, start_ns: start }) {
	const { worker: number } = view.process.workers[worker];
	const isIts = (stall) =>
		stall.worker === number && Math.abs(stall.start_ns - start) < SAME_NS;
	const samples = view.process.report.stalls.filter(isIts);
	if (samples.length === 0)
		return null;
	return element('section', { id: 'samples' }, element('h2', {}, 'What samples saw in it'),
		element('ol', { class: 'findings' }, samples.map(stallItem)));
}

function moreButtons(detail) {
	return element('p', { class: 'buttons' },
		actionButton('All its runs', () => showRunsOf(detail)), ' ',
		view.process.workers[detail.worker].role === 'loop' &&
			actionButton('Its iteration',
				() => showIteration(detail.worker, detail.tick)));
}

function workSection({ work }) {
	if (!work)
		return null;
	const go = () => select(work.worker, work.tick, true);
	return section('Its work on the pool', facts([
		['Worker', String(workerNumber(work.worker))],
		['Waited in the queue', formatDuration(work.queued_ns)],
		['Ran', `${formatDuration(work.duration_ns)} at ${timeText(work.start_ns, 1000)}`],
	]), element('p', {}, actionButton('Go to the work', go)));
}

function wakeItem(wake) {
	const from = workerNumber(wake.from_worker), to = workerNumber(wake.to_worker);
	const after = formatDuration(wake.to_ns - wake.from_ns);
	return item(rowButton(() => select(wake.to_worker, wake.poll_tick, true),
		`${wake.what}: worker ${from} → worker ${to}, after ${after}`));
}

function wakesSection({ wakes }) {
	return wakes.length ? section('Wakes', listOf('rows', wakes.map(wakeItem))) : null;
}

// ---- What the program said ----------------------------------------------------------------------

function saidItem(said) {
	if (!said.span)
		return item(`${said.name}: ${said.value}`);
	const text = `${said.name} ${said.value}`;
	if (said.start_ns === undefined)
		return item(text);
	const lasted = said.ended ? formatDuration(said.duration_ns) : 'no end in the trace';
	return item(rowButton(() => showAround(said.start_ns, said.start_ns + said.duration_ns),
		span('what', text), span('when', lasted)));
}

/* What the program said in the poll: which request it served. */
function saidSection({ said: { list, more } }) {
	if (list.length === 0)
		return null;
	const sorted = [...list].sort((a, b) => b.span - a.span);
	return section('What the program said in it',
		element('ul', { class: 'rows' }, sorted.map(saidItem)),
		more ? paragraph('more', `and ${plural(more, 'mark')} more`) : null);
}

// ---- Lives --------------------------------------------------------------------------------------

function lifeItem(event) {
	const isRun = event.event === 'Poll' || event.event === 'Work';
	const duration = event.duration_ns ? ', ' + formatDuration(event.duration_ns) : '';
	const go = () => {
		if (isRun)
			select(event.worker, event.tick, true);
		else
			showAround(event.start_ns - LIFE_ROOM_NS, event.start_ns + LIFE_ROOM_NS);
	};
	return item(rowButton(go,
		span('figure', timeText(event.start_ns, 1000)),
		span('what', isRun ? siteOf(event).name : event.event),
		span('when', `worker ${workerNumber(event.worker)}${duration}`)));
}

function lifeSection() {
	const { life } = view;
	if (!life)
		return null;
	const more = life.complete ? '' : ' (the first ones; there are more)';
	const count = plural(life.events.length, 'event') + more;
	return section(`Life of ${life.object}`,
		element('p', {}, `${count}. An address may have served several handles ` +
			'or requests, one after the other.'),
		longList('life', 'rows', life.events, lifeItem));
}

// ---- All of it ----------------------------------------------------------------------------------

export function showSelection() {
	const panel = byId('panel-selection'), detail = view.selected;
	if (!detail && view.transaction) {
		fill(panel, transactionSection(), lifeSection());
		return;
	}
	if (!detail) {
		fill(panel, paragraph('empty', 'Click a callback for its detail, ' +
			'or move through a worker’s callbacks with the keys , and .'),
		lifeSection());
		return;
	}
	const site = siteOf(detail);
	if (isIteration(detail)) {
		fill(panel, element('h2', { class: 'lead' }, site.name), iterationFacts(detail),
			saidSection(detail));
		return;
	}
	fill(panel,
		element('h2', { class: 'lead' }, site.name), pollFacts(detail, site),
		moreButtons(detail), samplesSection(detail), waitersSection(),
		saidSection(detail), transactionSection(),
		iterationSection(detail), workSection(detail),
		wakesSection(detail), lifeSection());
}
