/* SPDX-License-Identifier: Apache-2.0
 *
 * The panels beside the timeline: findings, callbacks, workers, the selected poll. Their figures are those of
 * analyze_trace, for all of the trace or for the range that is selected; a click on a row goes there.
 */
import { byId, element, fill } from './dom.js';
import { formatClock, formatCount, formatDay, formatDuration, formatExact, formatOffset, formatPercent, plural } from './format.js';
import { change, state } from './state.js';
import { select, clearSelection, follow, goToPoll, siteOf, takeFigures, say } from './actions.js';
import { hiddenWorkers, showAround, timeText, view } from './view.js';
import { callbackCell, callerText, durationColumn, facts, goButton, onSort, paintSwatches, place, section, shortPath, swatch, table } from './pieces.js';
import { showMeasures } from './measures.js';

const ROWS_SHOWN = 50;
const TABS = ['findings', 'callbacks', 'workers', 'stalls', 'requests', 'timers', 'spans', 'selection'];
let figures = null;

// ---- Findings -------------------------------------------------------------------------------------------------

function ending(report) {
	if (report.running)
		return 'The program is still running.';
	if (report.salvaged)
		return 'The program and its helper died; the last events were saved from memory.';
	return { exit: 'The program exited by itself.', died: 'The program died or left without exit().' }[report.seal_reason] ||
		'The trace breaks off: its end was not written.';
}

function warnings(report) {
	const lines = [];
	for (const worker of report.workers) {
		if (worker.lost_events)
			lines.push(`${plural(worker.lost_events, 'event')} of worker ${worker.worker} were lost while recording: its figures are too low.`);
		if (worker.missing_events)
			lines.push(`${plural(worker.missing_events, 'event')} of worker ${worker.worker} are missing (removed files or damage): not in its figures.`);
	}
	if (report.queues.pool_uncertain)
		lines.push('The pool’s queue was counted anew after each loss: its depth may be too low.');
	if (report.tier === 'libc')
		lines.push('Tier “libc”: libuv is built into this program, so only waits can be seen, no callbacks and no pool.');
	if (report.untraced.callbacks)
		lines.push(`${plural(report.untraced.callbacks, 'registration')} of callbacks were not traced.`);
	if (report.untraced.threads)
		lines.push(`${plural(report.untraced.threads, 'thread')} could not be traced.`);
	if (report.untraced.marks)
		lines.push(`${plural(report.untraced.marks, 'mark')}, spans or fields were not recorded: they came before the first loop, or too many names.`);
	if (report.switched_off_ns)
		lines.push(`Recording was switched off for ${formatDuration(report.switched_off_ns)} of this time, which counts nowhere.`);
	return [...lines, ...report.notes, ...report.problems, ...view.problems.filter((line) => !report.problems.includes(line))];
}

function roleOf(number) {
	return view.process.workers.find((worker) => worker.worker === number)?.role || '';
}

function stillOpen(poll, died) {
	return goButton(poll, died ? 'The program died in ' : 'Still running at the end: ', element('strong', {}, poll.in_pool ? `${poll.kind} for ${poll.callback}` : poll.callback), ' ',
		element('span', { class: 'place' }, place(poll)),
		` on worker ${poll.worker} (${roleOf(poll.worker)}), which had run for ${formatDuration(poll.duration_ns)} since ${timeText(poll.start_ns, 1e6)}.`);
}

function goToFinding(finding) {
	const lane = view.lanes.findIndex((one) => one.worker.worker === finding.worker);
	view.chosen = Math.max(0, lane);
	showAround(finding.from_ns, Math.max(finding.from_ns, finding.to_ns));
}

function finding(one) {
	return element('li', { class: `finding ${one.severity}` }, element('button', { class: 'row', onclick: () => goToFinding(one) },
		element('span', { class: 'severity' }, one.severity), ' ', element('strong', {}, one.title), element('span', { class: 'evidence' }, one.evidence)),
	one.advice ? element('p', { class: 'advice' }, one.advice) : null);
}

function worst(report) {
	const died = report.seal_reason === 'died' || report.salvaged;
	const open = report.open_polls.slice(0, 3).map((poll) => stillOpen(poll, died));
	if (report.findings.length === 0)
		return [...open, element('p', {}, report.tier === 'libc' ? 'Nothing; but no callbacks can be seen in this trace.' : 'Nothing. No callback held a loop, no worker starved.')];
	return [...open, element('ol', { class: 'findings' }, report.findings.map(finding))];
}

function longPolls(report) {
	const rows = report.long_polls.slice(0, ROWS_SHOWN).map((poll) => element('li', {}, goButton(poll,
		element('span', { class: 'figure' }, formatDuration(poll.duration_ns)), element('span', { class: 'what' }, swatch(poll), ...callbackCell(poll)),
		element('span', { class: 'when' }, `worker ${poll.worker}, ${timeText(poll.start_ns, 1e6)}`))));
	const count = report.long_poll_count;
	return section(`${plural(count, 'poll')} of ${formatDuration(state.long)} or longer`, element('ol', { class: 'rows' }, rows),
		count > rows.length ? element('p', { class: 'more' }, `The ${rows.length} longest are listed.`) : null);
}

function idlePeriods(report) {
	if (report.idle_period_count === 0)
		return null;
	const rows = report.idle_periods.slice(0, ROWS_SHOWN).map((idle) => element('li', {}, element('button',
		{ class: 'row', onclick: () => showAround(idle.start_ns, idle.start_ns + idle.duration_ns) },
		element('span', { class: 'figure' }, formatDuration(idle.duration_ns)), element('span', { class: 'what' }, `worker ${idle.worker} slept, ${plural(idle.queue_depth, 'request')} waited`),
		element('span', { class: 'when' }, timeText(idle.start_ns, 1e6)))));
	return section(`${plural(report.idle_period_count, 'time')} asleep over waiting requests`, element('ol', { class: 'rows' }, rows));
}

function queues(report) {
	const { queues: q } = report;
	const level = (one) => `${formatCount(one.max)} at most, ${one.mean.toFixed(2)} on average`;
	return section('Queues', facts([
		['Pool queued', level(q.pool_queued)], ['Pool running', level(q.pool_running)],
		q.pool_wait.count ? ['Wait for the pool', `p50 ${formatDuration(q.pool_wait.p50_ns)}, p99 ${formatDuration(q.pool_wait.p99_ns)}, max ${formatDuration(q.pool_wait.max_ns)}`] : null,
		['Ready fds', level(q.ready_fds)], ['Active requests', level(q.active_requests)], ['Active handles', level(q.active_handles)],
	]));
}

function showFindings(report) {
	const lines = warnings(report);
	const start = BigInt(report.startRealNs ?? view.process.startRealNs);
	const lost = report.lost_events + report.missing_events;
	fill(byId('panel-findings'),
		element('p', { class: 'lead' }, `${report.program || '(unknown program)'}, process ${report.pid}, libuv ${report.libuv || 'of unknown version'}`),
		element('p', {}, `Recorded ${formatDay(start)} for ${formatDuration(report.duration_ns)}: ${plural(report.events, 'event')} in ${plural(report.segments, 'file')}, ${lost ? `${formatCount(lost)} NOT there` : 'none lost'}. ${ending(report)}`),
		lines.length ? element('ul', { class: 'warnings' }, lines.slice(0, 30).map((line) => element('li', {}, line))) : null,
		section('What stands out', ...worst(report)), longPolls(report), idlePeriods(report), queues(report));
}

// ---- Callbacks and workers ------------------------------------------------------------------------------------

const CALLBACK_COLUMNS = [
	{ key: 'callback', label: 'Callback', text: true, head: true, show: (row) => callbackButton(row) },
	{ key: 'count', label: 'Count', show: (row) => formatCount(row.count) },
	durationColumn('total_ns', 'Total'), durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'), durationColumn('max_ns', 'Max'),
];

/* Goes to the longest run of the callback within the range. */
async function goToLongest(row) {
	const long = figures.long_polls.find((poll) => poll.callback === row.callback && poll.in_pool === row.in_pool && poll.caller === row.caller && poll.duration_ns >= row.max_ns - 1000);
	if (long) {
		await goToPoll(long);
		return;
	}
	change({ query: row.callback });
	const { findRun } = view;
	if (!(await findRun(row)))
		say('This run lies outside of what is shown');
}

function callbackButton(row) {
	return element('button', { class: 'row', title: `registered by ${row.caller}${row.caller_file ? ` ${row.caller_file}:${row.caller_line}` : ''}; go to its longest run`, onclick: () => goToLongest(row) },
		swatch(row), ...callbackCell(row), element('span', { class: 'caller' }, callerText(row)));
}

const WORKER_COLUMNS = [
	{ key: 'worker', label: '#', text: true, head: true, show: (row) => workerButton(row) },
	{ key: 'polls', label: 'Polls', show: (row) => formatCount(row.polls) },
	{ key: 'parks', label: 'Parks', show: (row) => formatCount(row.parks) },
	{ key: 'utilization', label: 'Busy', title: 'share of the time that it was not parked', show: (row) => formatPercent(row.utilization) },
	{ key: 'cpu_ns', label: 'On CPU', show: (row) => formatPercent(row.sampled_ns ? row.cpu_ns / row.sampled_ns : null) },
	durationColumn('sched_wait_ns', 'CPU wait', 'ready to run, but the kernel ran somebody else'),
	durationColumn('poll_p50_ns', 'p50'), durationColumn('poll_p99_ns', 'p99'), durationColumn('poll_max_ns', 'Max'),
];

function workerButton(row) {
	const position = view.process.workers.findIndex((worker) => worker.worker === row.worker);
	return element('button', { class: 'row', onclick: () => {
		const worker = view.process.workers[position];
		const hidden = hiddenWorkers();
		hidden.delete(row.worker);
		change({ hidden: [...hidden].join(',') });
		view.chosen = Math.max(0, view.lanes.findIndex((lane) => lane.position === position));
		showAround(worker.start_ns + (worker.end_ns - worker.start_ns) / 3, worker.end_ns - (worker.end_ns - worker.start_ns) / 3);
	} }, element('span', { class: 'name' }, `${row.worker} ${row.role}`), element('span', { class: 'caller' }, row.name));
}

// ---- The selected poll ----------------------------------------------------------------------------------------

function codePlace(site) {
	return site.file ? `${site.file}:${site.line}` : site.module || 'unknown';
}

function wakeRow(wake) {
	const from = view.process.workers[wake.from_worker].worker, to = view.process.workers[wake.to_worker].worker;
	return element('li', {}, element('button', { class: 'row', onclick: () => select(wake.to_worker, wake.poll_tick, true) },
		`${wake.what}: worker ${from} → worker ${to}, after ${formatDuration(wake.to_ns - wake.from_ns)}`));
}

/* How a turn began, in words. */
function turnBegan({ after, ready }) {
	if (after === 'enter')
		return 'uv_run began';
	return `the loop ${after === 'park' ? 'woke' : 'looked'} (${plural(ready, 'ready fd')})`;
}

function turnSection(detail) {
	const { turn } = detail;
	if (!turn)
		return null;
	const behind = turn.behind.map((poll) => element('li', {}, element('button', { class: 'row', onclick: () => select(poll.worker, poll.tick) },
		element('span', { class: 'figure' }, formatDuration(poll.duration_ns)), element('span', { class: 'what' }, siteOf(poll).name))));
	return section('Its turn', element('p', {}, turn.polls === 0
		? `It was the first of its turn and began ${formatDuration(turn.waited_ns)} after ${turnBegan(turn)}.`
		: `It waited ${formatDuration(turn.waited_ns)} after ${turnBegan(turn)}, behind ${plural(turn.polls, 'poll')}:`),
	behind.length ? element('ol', { class: 'rows' }, behind) : null);
}

function workSection(work) {
	if (!work)
		return null;
	return section('Its work on the pool', facts([
		['Worker', String(view.process.workers[work.worker].worker)], ['Waited in the queue', formatDuration(work.queued_ns)],
		['Ran', `${formatDuration(work.duration_ns)} at ${timeText(work.start_ns, 1000)}`],
	]), element('p', {}, element('button', { class: 'action', onclick: () => select(work.worker, work.tick, true) }, 'Go to the work')));
}

function saidItem(one) {
	if (!one.span)
		return element('li', {}, `${one.name}: ${one.value}`);
	if (one.start_ns === undefined)
		return element('li', {}, `${one.name} ${one.value}`);
	return element('li', {}, element('button', { class: 'row', onclick: () => showAround(one.start_ns, one.start_ns + one.duration_ns) },
		element('span', { class: 'what' }, `${one.name} ${one.value}`), element('span', { class: 'when' }, one.ended ? formatDuration(one.duration_ns) : 'no end in the trace')));
}

/* What the program said in the poll: which request it served. */
function saidSection({ list, more }) {
	if (list.length === 0)
		return null;
	const sorted = [...list].sort((a, b) => b.span - a.span);
	return section('What the program said in it', element('ul', { class: 'rows' }, sorted.map(saidItem)),
		more ? element('p', { class: 'more' }, `and ${plural(more, 'mark')} more`) : null);
}

function lifeSection() {
	const { life } = view;
	if (!life)
		return null;
	const rows = life.events.slice(0, 500).map((event) => element('li', {}, element('button', { class: 'row', onclick: () => {
		if (event.event === 'Poll' || event.event === 'Work')
			select(event.worker, event.tick, true);
		else
			showAround(event.start_ns - 50000, event.start_ns + 50000);
	} }, element('span', { class: 'figure' }, timeText(event.start_ns, 1000)),
	element('span', { class: 'what' }, `${event.event === 'Poll' || event.event === 'Work' ? siteOf(event).name : event.event}`),
	element('span', { class: 'when' }, `worker ${view.process.workers[event.worker].worker}${event.duration_ns ? ', ' + formatDuration(event.duration_ns) : ''}`))));
	return section(`Life of ${life.object}`, element('p', {}, `${plural(life.events.length, 'event')}${life.complete ? '' : ' (the first ones; there are more)'}. An address may have served several handles or requests, one after the other.`),
		element('ol', { class: 'rows' }, rows));
}

function pollFacts(detail, site) {
	const ends = detail.open ? 'still running at the end of the trace' : detail.unended ? 'its end was not recorded' : detail.unwound ? 'left by an exception, longjmp or the thread’s end' : '';
	return facts([
		['Kind', detail.in_pool ? `${site.kind}, its work on the pool` : site.kind],
		['Callback', `${site.name}`], ['Defined', codePlace(site)],
		['Registered', `${site.caller}${site.caller_file ? `, ${site.caller_file}:${site.caller_line}` : ''}`],
		['Handle', element('code', {}, detail.object), ' ', element('button', { class: 'action', onclick: () => follow(detail.life_of) }, 'Follow its life'), ' ',
			element('button', { class: 'action', onclick: () => change({ object: state.object === detail.object ? '' : detail.object }) }, 'Filter')],
		['Worker', `${view.process.workers[detail.worker].worker} ${view.process.workers[detail.worker].role}`],
		['Start', `${formatOffset(detail.start_ns, 1)}, ${formatClock(detail.start_ns, view.process.startRealNs, 1000)}`],
		['Duration', element('strong', {}, formatExact(detail.duration_ns))],
		['Nested', detail.depth ? `${detail.depth} deep inside other polls` : ''], ['Note', ends],
	]);
}

export function showSelection() {
	const panel = byId('panel-selection');
	const detail = view.selected;
	if (!detail) {
		fill(panel, element('p', { class: 'empty' }, 'Click a poll for its detail, or move through a worker’s polls with the keys , and .'), lifeSection());
		return;
	}
	const site = siteOf(detail);
	fill(panel, element('h2', { class: 'lead' }, site.name),
		pollFacts(detail, site), saidSection(detail.said), turnSection(detail), workSection(detail.work),
		detail.wakes.length ? section('Wakes', element('ol', { class: 'rows' }, detail.wakes.map(wakeRow))) : null,
		lifeSection());
}

// ---- All of them ----------------------------------------------------------------------------------------------

function showRangeLine() {
	const node = byId('range');
	if (state.rangeFrom === null) {
		fill(node, 'All of the trace');
		return;
	}
	fill(node, `${timeText(state.rangeFrom, (state.rangeTo - state.rangeFrom) / 100)} … ${timeText(state.rangeTo, (state.rangeTo - state.rangeFrom) / 100)}, ${formatDuration(state.rangeTo - state.rangeFrom)} `,
		element('button', { class: 'action', onclick: () => showAround(state.rangeFrom, state.rangeTo) }, 'Show'), ' ',
		element('button', { class: 'action', onclick: () => change({ rangeFrom: null, rangeTo: null }) }, 'All'));
}

function showFigures() {
	if (!figures)
		return;
	showFindings(figures);
	fill(byId('panel-callbacks'), table('callbacks', 'Callbacks, and by whom each was registered; (work): its request’s work on the pool', CALLBACK_COLUMNS, figures.callbacks, ['total_ns', -1]));
	fill(byId('panel-workers'), table('workers', 'Threads that libuv runs callbacks (loop) or requests’ work (pool) on', WORKER_COLUMNS, figures.workers, ['worker', 1]));
	showMeasures(figures);
	paintSwatches();
}

export async function refreshFigures() {
	showRangeLine();
	byId('panels').setAttribute('aria-busy', 'true');
	const fresh = await takeFigures();
	if (!fresh)
		return;
	figures = fresh;
	byId('panels').removeAttribute('aria-busy');
	showFigures();
	document.documentElement.dataset.figures = String(Number(document.documentElement.dataset.figures || 0) + 1);
}

export function currentFigures() {
	return figures;
}

export function showTab() {
	for (const name of TABS) {
		const chosen = name === state.tab;
		byId('tab-' + name).setAttribute('aria-selected', String(chosen));
		byId('tab-' + name).tabIndex = chosen ? 0 : -1;
		byId('panel-' + name).hidden = !chosen;
	}
}

export function refreshTexts() {
	showFigures();
	showRangeLine();
	showSelection();
}

function tabKey(event) {
	const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
	if (!step)
		return;
	const next = TABS[(TABS.indexOf(state.tab) + step + TABS.length) % TABS.length];
	change({ tab: next });
	byId('tab-' + next).focus();
	event.preventDefault();
	event.stopPropagation();
}

export function setUpPanels() {
	for (const name of TABS) {
		byId('tab-' + name).addEventListener('click', () => change({ tab: name }));
		byId('tab-' + name).addEventListener('keydown', tabKey);
	}
	view.onSelect = showSelection;
	onSort(showFigures);
	byId('clear').addEventListener('click', clearSelection);
	showTab();
}
