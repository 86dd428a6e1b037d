/* SPDX-License-Identifier: Apache-2.0
 *
 * The panels of looks at stuck callbacks, of requests (those on their way, their lives, the pool),
 * of timers and wake-ups, and of the program's own spans and marks: the figures of analyze_trace
 * --json, with the way to where they come from.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDuration, plural } from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { showAround, timeText } from '../draw/range.js';
import { follow } from '../control/actions.js';
import {
	actionButton, callbackCell, callerText, facts, goButton, item, listOf, longList,
	nameAndPlace, paragraph, rowButton, section, span, swatch,
} from './pieces.js';
import { drawStallGraph, stallGraph } from './stall_graph.js';
import { stallItem } from './stalls.js';
import { countColumn, durationColumn, table } from './tables.js';

const TIME_LEAST_NS = 10000; // shown around a moment

/* A callback's name, with or without a place to go to. `row.below`: what else there is to say. */
function nameCell(row, go) {
	const content = [
		swatch(row), ...callbackCell(row), span('caller', callerText(row)),
		row.below ? span('caller', row.below) : null,
	];
	return go ? rowButton(go, content) : element('div', {}, content);
}

function nameColumn(label, goOf) {
	return {
		key: 'callback', label, text: true, head: true,
		show: (row) => nameCell(row, goOf && goOf(row)),
	};
}

const SPREAD_COLUMNS = [
	durationColumn('p50_ns', 'p50'), durationColumn('p99_ns', 'p99'),
	durationColumn('max_ns', 'Max'),
];

/* A row of its own from what lies in a part of it. */
function rowOf(row, { count, total_ns, p50_ns, p99_ns, max_ns }, more = {}) {
	return { ...row, count, total_ns, p50_ns, p99_ns, max_ns, ...more };
}

function goToTime(ns, width) {
	if (ns === undefined || ns === null)
		return null;
	return () => showAround(ns - width / 2, ns + width / 2);
}

// ---- Stalls -------------------------------------------------------------------------------------

function looksText({ stalls, stall_totals: totals }) {
	if (stalls.length === 0)
		return 'No callback ran for so long that somebody looked at what it did ' +
			'(UVTRACE_STALL_MS).';
	const { looks, suppressed } = totals;
	const more = suppressed ? `, ${formatCount(suppressed)} more left out` : '';
	return `${plural(looks, 'look')} at callbacks that did not come back in time${more}.`;
}

function noFrames() {
	return paragraph('more',
		'Which functions they were in is known where the program’s files are: ' +
		'analyze_trace --html puts it into this page.');
}

function showStalls(report) {
	const { stalls } = report;
	const lasted = (stall) => Math.max(stall.duration_ns ?? 0, stall.so_far_ns);
	const worst = [...stalls].sort((a, b) => lasted(b) - lasted(a) || a.at_ns - b.at_ns);
	const nameless = stalls.length > 0 && stalls.every((stall) => stall.frames.length === 0);
	fill(byId('panel-stalls'), element('p', {}, looksText(report)), nameless && noFrames(),
		stallGraph(stalls),
		longList('stalls', 'findings', worst, stallItem, stalls.length));
	drawStallGraph();
}

// ---- Requests -----------------------------------------------------------------------------------

function requestItem(request) {
	const go = () => {
		showAround(request.start_ns, request.start_ns + request.duration_ns);
		follow(request.object);
	};
	const cancelled = request.outcome === 'cancelled' ? 'cancelled, ' : '';
	const at = timeText(request.start_ns, 1e6);
	return item(rowButton(go,
		span('figure', formatDuration(request.duration_ns)),
		span('what', swatch(request), ...callbackCell(request), ` ${callerText(request)}`),
		span('when', `${cancelled}worker ${request.worker}, ${at}`)));
}

/* In tier "libc" no call of libuv is seen: an empty table would say that there was none. */
function unseen(what) {
	return element('p', {}, `${what} cannot be seen: ` +
		'calls of libuv are not seen in this program (tier libc).');
}

function pendingSection({ pending, pending_count: count }) {
	if (count === 0)
		return section('On their way at the end',
			element('p', {},
				'None: every request that was seen to be submitted was done.'));
	return section(`${plural(count, 'request')} still on their way at the end, oldest first`,
		longList('pending', 'rows', pending, requestItem, count, 'oldest'));
}

function lateSection({ late_requests: late, late_request_count: count }) {
	if (!count)
		return null;
	return section(`${plural(count, 'request')} that took long, and ended`,
		longList('late', 'rows', late, requestItem, count));
}

const LIFE_COLUMNS = [
	nameColumn('Request'), countColumn('count', 'Done'), ...SPREAD_COLUMNS,
	countColumn('pending', 'Open', 'had no callback when the trace ended'),
];

const POOL_COLUMNS = [
	{ key: 'kind', label: 'On the pool', text: true, head: true, show: (row) => row.kind },
	countColumn('count', 'Count'),
	durationColumn('wait_p50_ns', 'Wait p50'), durationColumn('wait_p99_ns', 'p99'),
	durationColumn('run_p50_ns', 'Run p50'), durationColumn('run_p99_ns', 'p99'),
];

function whatIfText(pool) {
	if (pool.what_if.length === 0)
		return '';
	return pool.smallest_size
		? `${plural(pool.smallest_size, 'thread')} would keep the p99 wait below 1 ms`
		: 'no size up to 128 would keep the p99 wait below 1 ms';
}

function lookupsText(pool) {
	if (!pool.lookups_at_once)
		return '';
	const cap = pool.lookup_cap_reached ? ': libuv’s cap was reached' : '';
	return `${pool.lookups_at_once} at once at most${cap}`;
}

function poolFacts(pool) {
	if (pool.threads === 0)
		return null;
	return facts([
		['Threads', formatCount(pool.threads)], ['Lookups', lookupsText(pool)],
		['What if', whatIfText(pool)],
	]);
}

function poolRow({ kind, wait, run }) {
	return {
		kind, count: run.count,
		wait_p50_ns: wait.p50_ns, wait_p99_ns: wait.p99_ns,
		run_p50_ns: run.p50_ns, run_p99_ns: run.p99_ns,
	};
}

function poolSection(pool) {
	if (!pool || pool.by_kind.length === 0)
		return null;
	return section('The pool', poolFacts(pool),
		table('pool', 'From submission to the start of the work, and the work',
			POOL_COLUMNS, pool.by_kind.map(poolRow), ['wait_p99_ns', -1]));
}

function livesSection({ requests }) {
	if (requests.length === 0)
		return null;
	const rows = requests.map((row) => rowOf(row, row.life, { pending: row.pending }));
	return section('Lives',
		table('lives', 'From submission to the start of the callback', LIFE_COLUMNS,
			rows, ['p99_ns', -1]));
}

function showRequests(report) {
	if (report.tier === 'libc') {
		fill(byId('panel-requests'), unseen('Requests and the pool'));
		return;
	}
	fill(byId('panel-requests'),
		pendingSection(report), lateSection(report), livesSection(report),
		poolSection(report.pool));
}

// ---- Timers -------------------------------------------------------------------------------------

function goToLatest({ latest }) {
	return latest && goToTime(latest.start_ns - latest.late_ns / 2, latest.late_ns);
}

const TIMER_COLUMNS = [
	nameColumn('Timer', goToLatest), countColumn('runs', 'Runs'),
	durationColumn('interval_p50_ns', 'Interval',
		'median time between two starts of the same timer'),
	durationColumn('late_p50_ns', 'Late p50', 'start minus due time'),
	durationColumn('late_p99_ns', 'p99'), durationColumn('late_max_ns', 'Max'),
];

function earlyText({ early }) {
	if (!early)
		return '';
	const count = formatCount(early.count), most = formatDuration(early.max_ns);
	return `${count} ran up to ${most} before the time that was asked for: uv_now was old`;
}

function timerRow(row) {
	const { late, interval } = row;
	return {
		...row,
		runs: Math.max(late ? late.count : 0, interval.count),
		interval_p50_ns: interval.count ? interval.p50_ns : null,
		late_p50_ns: late ? late.p50_ns : null,
		late_p99_ns: late ? late.p99_ns : null,
		late_max_ns: late ? late.max_ns : null,
		below: earlyText(row),
	};
}

/* Most timers in one iteration. */
function stormLine({ most_in_turn: most, most_in_turn_ns: took, most_in_turn_start_ns: at }) {
	if (most === 0)
		return null;
	return element('p', {},
		`At most ${plural(most, 'timer')} in one iteration, for ${formatDuration(took)} `,
		actionButton('Show', goToTime(at + took / 2, Math.max(took, TIME_LEAST_NS))));
}

function timersSection({ timers }) {
	const rows = timers.by_site.map(timerRow);
	const caption = 'Late: from when it was due to the start of its callback';
	return section('Timers', stormLine(timers), rows.length
		? table('timers', caption, TIMER_COLUMNS, rows, ['late_p99_ns', -1])
		: element('p', {}, 'No timer ran.'));
}

const WAKE_COLUMNS = [
	nameColumn('Async'), countColumn('count', 'Wake-ups'), ...SPREAD_COLUMNS,
	countColumn('coalesced', 'Coalesced', 'sends while another was on its way'),
];

function wakeupsSection({ wakeups }) {
	if (wakeups.length === 0)
		return null;
	const rows = wakeups.map((row) => rowOf(row, row.latency));
	return section('Wake-ups',
		table('wakeups', 'From uv_async_send to the callback', WAKE_COLUMNS,
			rows, ['p99_ns', -1]));
}

function goToWorst({ worst_start_ns: at, max_ns: took }) {
	return at !== null && goToTime(at - took / 2, took);
}

const DELAY_COLUMNS = [
	nameColumn('Callback', goToWorst), countColumn('count', 'Runs'), ...SPREAD_COLUMNS,
];

function delayRow(row) {
	const behind = row.worst_behind ? `the worst behind ${nameAndPlace(row.worst_behind)}` : '';
	return rowOf(row, row.delay, { below: behind });
}

function dispatchSection({ dispatch }) {
	if (dispatch.length === 0)
		return null;
	return section('Dispatch',
		table('dispatch', 'From the end of a loop’s wait to the start of the callback',
			DELAY_COLUMNS, dispatch.map(delayRow), ['p99_ns', -1]));
}

function showTimers(report) {
	if (report.tier === 'libc') {
		fill(byId('panel-timers'), unseen('Timers and wake-ups'));
		return;
	}
	fill(byId('panel-timers'), timersSection(report), wakeupsSection(report),
		dispatchSection(report));
}

// ---- Spans and marks ----------------------------------------------------------------------------

function spanNotes({ slowest, open, begins_alone: begins, ends_alone: ends }) {
	const alone = [
		[open, 'open at the end'], [begins, 'without an end'], [ends, 'without a begin'],
	].filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
	return [
		slowest ? span('caller', `slowest: ${slowest.id}, worker ${slowest.worker}`) : null,
		alone.length ? span('caller', `not counted: ${alone.join(', ')}`) : null,
	];
}

function spanCell(row) {
	const { slowest } = row, content = [span('name', row.name), spanNotes(row)];
	if (!slowest)
		return element('div', {}, content);
	const { start_ns: start, duration_ns: duration } = slowest;
	return rowButton(() => showAround(start, start + duration), content);
}

const SPAN_COLUMNS = [
	{ key: 'name', label: 'Span', text: true, head: true, show: spanCell },
	countColumn('count', 'Count'), durationColumn('total_ns', 'Total'), ...SPREAD_COLUMNS,
];

const MARK_COLUMNS = [
	{ key: 'name', label: 'Mark', text: true, head: true,
		show: (row) => span('name', row.name) },
	countColumn('count', 'Count'), countColumn('p50', 'p50'), countColumn('p99', 'p99'),
	countColumn('max', 'Max'),
];

function noSpans() {
	return paragraph('empty', 'The program said nothing of itself. With uvtrace.h it can: ' +
		'uvtrace_begin and uvtrace_end around each request, ' +
		'uvtrace_mark for moments with a value.');
}

function notDrawn({ spans }) {
	const count = view.process.workers.reduce((sum, worker) => sum + worker.said_left_out, 0);
	const show = () => change({ said: 'on' });
	const hidden = `${plural(count, 'mark')} and spans are in these figures, ` +
		'but too many to be drawn.';
	return [
		count > 0 && paragraph('more', hidden),
		state.said === 'off' && spans.length > 0 &&
			element('p', {}, actionButton('Show them in the timeline', show)),
	];
}

function showSpans(report) {
	const { spans, marks } = report;
	const spanTable = () => table('spans', 'From the begin to the end of the same name and id',
		SPAN_COLUMNS, spans, ['total_ns', -1]);
	const markTable = () => table('marks', 'Values', MARK_COLUMNS, marks, ['count', -1]);
	fill(byId('panel-spans'),
		spans.length + marks.length === 0 && noSpans(),
		spans.length > 0 && spanTable(),
		marks.length > 0 && section('Marks', markTable()),
		notDrawn(report));
}

export function showMeasures(report) {
	showStalls(report);
	showRequests(report);
	showTimers(report);
	showSpans(report);
}
