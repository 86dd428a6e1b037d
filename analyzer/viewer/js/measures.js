/* SPDX-License-Identifier: Apache-2.0
 *
 * The panels of looks at stuck callbacks, of requests (those on their way, their lives, the pool), of timers and
 * wake-ups, and of the program's own spans and marks: the figures of analyze_trace --json, with the way to where they come from.
 */
import { byId, element, fill } from './dom.js';
import { formatCount, formatDuration, plural } from './format.js';
import { change, state } from './state.js';
import { follow, goToPoll } from './actions.js';
import { showAround, timeText, view } from './view.js';
import { callbackCell, callerText, countColumn, durationColumn, facts, nameAndPlace, section, shortPath, swatch, table } from './pieces.js';

const ROWS_MOST = 100;

/* A callback's name, with or without a place to go to. `row.below`: what else there is to say. */
function nameCell(row, go) {
	const content = [swatch(row), ...callbackCell(row), element('span', { class: 'caller' }, callerText(row)),
		row.below ? element('span', { class: 'caller' }, row.below) : null];
	return go ? element('button', { class: 'row', onclick: go }, content) : element('div', {}, content);
}

function nameColumn(label, goOf) {
	return { key: 'callback', label, text: true, head: true, show: (row) => nameCell(row, goOf && goOf(row)) };
}

/* A row of its own from what lies in a part of it. */
function rowOf(row, spread, more = {}) {
	return { ...row, count: spread.count, total_ns: spread.total_ns, p50_ns: spread.p50_ns, p99_ns: spread.p99_ns, max_ns: spread.max_ns, ...more };
}

// ---- Stalls ---------------------------------------------------------------------------------------------------

const CAUSES = { syscall: 'in a system call', lock: 'waits for a lock', cpu: 'computes', descheduled: 'waits for a CPU', unknown: 'unknown' };

function frameItem(frame) {
	return element('li', { class: frame.scanned ? 'scanned' : null, title: frame.scanned ? 'a return address that was looked for on the stack: it may be left over from an earlier call' : null },
		element('span', { class: 'name' }, frame.function), ' ', element('span', { class: 'place' }, frame.file ? `${shortPath(frame.file)}:${frame.line}` : frame.module));
}

function stallTimes(stall) {
	if (stall.measured_ns === null)
		return '';
	return `of ${formatDuration(stall.measured_ns)}: ${formatDuration(stall.on_cpu_ns)} on a CPU, ${formatDuration(stall.wait_ns)} waiting for one, ${formatDuration(stall.asleep_ns)} asleep`;
}

function stallItem(stall) {
	const go = () => goToPoll({ worker: stall.worker, start_ns: stall.start_ns, duration_ns: stall.duration_ns ?? stall.so_far_ns });
	return element('li', { class: 'stall' }, element('button', { class: 'row', onclick: go },
		element('span', { class: 'severity' }, CAUSES[stall.cause] || stall.cause), ' ', element('strong', {}, stall.what || nameAndPlace(stall)),
		element('span', { class: 'evidence' }, `${nameAndPlace(stall)}, worker ${stall.worker}, at ${timeText(stall.at_ns, 1e6)}: had run for ${formatDuration(stall.so_far_ns)}${stall.duration_ns === null ? '' : `, of ${formatDuration(stall.duration_ns)} in the end`}`)),
	stallTimes(stall) ? element('p', { class: 'more' }, stallTimes(stall)) : null,
	stall.frames.length ? element('ol', { class: 'frames' }, stall.frames.map(frameItem)) : null);
}

function showStalls(report) {
	const { stalls, stall_totals: totals } = report;
	const nameless = stalls.length > 0 && stalls.every((stall) => stall.frames.length === 0);
	fill(byId('panel-stalls'),
		element('p', {}, stalls.length ? `${plural(totals.looks, 'look')} at callbacks that did not come back in time${totals.suppressed ? `, ${formatCount(totals.suppressed)} more left out` : ''}.`
			: 'No callback ran for so long that somebody looked at what it did (UVTRACE_STALL_MS).'),
		nameless ? element('p', { class: 'more' }, 'Which functions they were in is known where the program’s files are: analyze_trace --html puts it into this page.') : null,
		element('ol', { class: 'findings' }, stalls.slice(0, ROWS_MOST).map(stallItem)));
}

// ---- Requests -------------------------------------------------------------------------------------------------

function pendingRow(request) {
	const go = () => {
		showAround(request.start_ns, request.start_ns + request.duration_ns);
		follow(request.object);
	};
	return element('li', {}, element('button', { class: 'row', onclick: go },
		element('span', { class: 'figure' }, formatDuration(request.duration_ns)),
		element('span', { class: 'what' }, swatch(request), ...callbackCell(request), ` ${callerText(request)}`),
		element('span', { class: 'when' }, `${request.outcome === 'cancelled' ? 'cancelled, ' : ''}worker ${request.worker}, ${timeText(request.start_ns, 1e6)}`)));
}

function pendingSection(report) {
	if (report.pending_count === 0)
		return section('On their way at the end', element('p', {}, 'None: every request that was seen to be submitted was done.'));
	return section(`${plural(report.pending_count, 'request')} still on their way at the end, oldest first`,
		element('ol', { class: 'rows' }, report.pending.slice(0, ROWS_MOST).map(pendingRow)),
		report.pending_count > ROWS_MOST ? element('p', { class: 'more' }, `The ${ROWS_MOST} oldest are listed.`) : null);
}

function lateSection(report) {
	if (!report.late_request_count)
		return null;
	return section(`${plural(report.late_request_count, 'request')} that took long, and ended`, element('ol', { class: 'rows' }, report.late_requests.slice(0, ROWS_MOST).map(pendingRow)));
}

const LIFE_COLUMNS = [
	nameColumn('Request'), countColumn('count', 'Done'), durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'),
	durationColumn('max_ns', 'Max'), countColumn('pending', 'Open', 'had no callback when the trace ended'),
];

const POOL_COLUMNS = [
	{ key: 'kind', label: 'On the pool', text: true, head: true, show: (row) => row.kind },
	countColumn('count', 'Count'), durationColumn('wait_p50_ns', 'Wait p50'), durationColumn('wait_p99_ns', 'p99'),
	durationColumn('run_p50_ns', 'Run p50'), durationColumn('run_p99_ns', 'p99'),
];

function poolFacts(pool) {
	if (!pool || pool.threads === 0)
		return null;
	const size = pool.what_if.length === 0 ? '' : pool.smallest_size
		? `${plural(pool.smallest_size, 'thread')} would keep the p99 wait below 1 ms`
		: 'no size up to 128 would keep the p99 wait below 1 ms';
	return facts([
		['Threads', formatCount(pool.threads)],
		['Lookups', pool.lookups_at_once ? `${pool.lookups_at_once} at once at most${pool.lookup_cap_reached ? ': libuv’s cap was reached' : ''}` : ''],
		['What if', size],
	]);
}

function poolSection(pool) {
	if (!pool || pool.by_kind.length === 0)
		return null;
	const rows = pool.by_kind.map((row) => ({ kind: row.kind, count: row.run.count, wait_p50_ns: row.wait.p50_ns, wait_p99_ns: row.wait.p99_ns, run_p50_ns: row.run.p50_ns, run_p99_ns: row.run.p99_ns }));
	return section('The pool', poolFacts(pool), table('pool', 'From submission to the start of the work, and the work', POOL_COLUMNS, rows, ['wait_p99_ns', -1]));
}

function showRequests(report) {
	const lives = report.requests.map((row) => rowOf(row, row.life, { pending: row.pending }));
	fill(byId('panel-requests'), pendingSection(report), lateSection(report),
		lives.length ? section('Lives', table('lives', 'From submission to the start of the callback', LIFE_COLUMNS, lives, ['p99_ns', -1])) : null,
		poolSection(report.pool));
}

// ---- Timers ---------------------------------------------------------------------------------------------------

function goToTime(ns, width) {
	return ns === undefined || ns === null ? null : () => showAround(ns - width / 2, ns + width / 2);
}

const TIMER_COLUMNS = [
	nameColumn('Timer', (row) => row.latest && goToTime(row.latest.start_ns - row.latest.late_ns / 2, row.latest.late_ns)),
	countColumn('runs', 'Runs'), durationColumn('interval_p50_ns', 'Interval', 'median time between two starts of the same timer'),
	durationColumn('late_p50_ns', 'Late p50', 'start minus due time'), durationColumn('late_p99_ns', 'p99'), durationColumn('late_max_ns', 'Max'),
];

function timerRow(row) {
	return {
		...row, runs: Math.max(row.late ? row.late.count : 0, row.interval.count), interval_p50_ns: row.interval.count ? row.interval.p50_ns : null,
		late_p50_ns: row.late ? row.late.p50_ns : null, late_p99_ns: row.late ? row.late.p99_ns : null, late_max_ns: row.late ? row.late.max_ns : null,
		below: row.early ? `${formatCount(row.early.count)} ran up to ${formatDuration(row.early.max_ns)} before the time that was asked for: uv_now was old` : '',
	};
}

const WAKE_COLUMNS = [
	nameColumn('Async'), countColumn('count', 'Wake-ups'), durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'), durationColumn('max_ns', 'Max'),
	countColumn('coalesced', 'Coalesced', 'sends while another was on its way'),
];

const DELAY_COLUMNS = [
	nameColumn('Callback', (row) => row.worst_start_ns !== null && goToTime(row.worst_start_ns - row.max_ns / 2, row.max_ns)),
	countColumn('count', 'Runs'), durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'), durationColumn('max_ns', 'Max'),
];

function stormFacts({ most_in_turn: most, most_in_turn_ns: took, most_in_turn_start_ns: at }) {
	if (most === 0)
		return null;
	return element('p', {}, `At most ${plural(most, 'timer')} in one turn, for ${formatDuration(took)} `,
		element('button', { class: 'action', onclick: goToTime(at + took / 2, Math.max(took, 10000)) }, 'Show'));
}

function showTimers(report) {
	const delays = report.dispatch.map((row) => rowOf(row, row.delay, { below: row.worst_behind ? `the worst behind ${nameAndPlace(row.worst_behind)}` : '' }));
	const wakes = report.wakeups.map((row) => rowOf(row, row.latency));
	fill(byId('panel-timers'),
		section('Timers', stormFacts(report.timers), report.timers.by_site.length
			? table('timers', 'Late: from when it was due to the start of its callback', TIMER_COLUMNS, report.timers.by_site.map(timerRow), ['late_p99_ns', -1])
			: element('p', {}, 'No timer ran.')),
		wakes.length ? section('Wake-ups', table('wakeups', 'From uv_async_send to the callback', WAKE_COLUMNS, wakes, ['p99_ns', -1])) : null,
		delays.length ? section('Dispatch', table('dispatch', 'From the end of a loop’s wait to the start of the callback', DELAY_COLUMNS, delays, ['p99_ns', -1])) : null);
}

// ---- Spans and marks ------------------------------------------------------------------------------------------

function spanCell(row) {
	const { slowest } = row;
	const alone = [[row.open, 'open at the end'], [row.begins_alone, 'without an end'], [row.ends_alone, 'without a begin']]
		.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`).join(', ');
	const below = [slowest ? element('span', { class: 'caller' }, `slowest: ${slowest.id}, worker ${slowest.worker}`) : null,
		alone ? element('span', { class: 'caller' }, `not counted: ${alone}`) : null];
	const name = element('span', { class: 'name' }, row.name);
	return slowest ? element('button', { class: 'row', onclick: () => showAround(slowest.start_ns, slowest.start_ns + slowest.duration_ns) }, name, below) : element('div', {}, name, below);
}

const SPAN_COLUMNS = [
	{ key: 'name', label: 'Span', text: true, head: true, show: spanCell }, countColumn('count', 'Count'), durationColumn('total_ns', 'Total'),
	durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'), durationColumn('max_ns', 'Max'),
];

const MARK_COLUMNS = [
	{ key: 'name', label: 'Mark', text: true, head: true, show: (row) => element('span', { class: 'name' }, row.name) },
	countColumn('count', 'Count'), countColumn('p50', 'p50'), countColumn('p99', 'p99'), countColumn('max', 'Max'),
];

function showSpans(report) {
	const hidden = view.process.workers.reduce((sum, worker) => sum + worker.said_left_out, 0);
	fill(byId('panel-spans'), report.spans.length + report.marks.length === 0
		? element('p', { class: 'empty' }, 'The program said nothing of itself. With uvtrace.h it can: uvtrace_begin and uvtrace_end around each request, uvtrace_mark for moments with a value.')
		: null,
	report.spans.length ? table('spans', 'From the begin to the end of the same name and id', SPAN_COLUMNS, report.spans, ['total_ns', -1]) : null,
	report.marks.length ? section('Marks', table('marks', 'Values', MARK_COLUMNS, report.marks, ['count', -1])) : null,
	hidden ? element('p', { class: 'more' }, `${plural(hidden, 'mark')} and spans are in these figures, but too many to be drawn.`) : null,
	state.said === 'off' && report.spans.length ? element('p', {}, element('button', { class: 'action', onclick: () => change({ said: 'on' }) }, 'Show them in the timeline')) : null);
}

export function showMeasures(report) {
	showStalls(report);
	showRequests(report);
	showTimers(report);
	showSpans(report);
}
