/* SPDX-License-Identifier: Apache-2.0
 *
 * The panel of what stands out: how the recording ended, what cuts into its figures, findings, long
 * polls, queues. Each row leads to its place in the timeline.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDay, formatDuration, plural } from '../format.js';
import { state } from '../state.js';
import { runWord, setChosen, view } from '../draw/view.js';
import { showAround, timeText } from '../draw/range.js';
import { costLine, limitsSection, machineSection } from './panel_report.js';
import {
	callbackCell, facts, goButton, item, listOf, longList, paragraph, place, rowButton, section,
	span, swatch,
} from './pieces.js';

const WARNINGS_SHOWN = 3; // the rest is folded

/* What cuts into the figures; and what is wrong with the whole trace, which neither the report
 * of one of several processes says nor knows of files that the page itself inflated. */
function warningsOf(report) {
	const ofTrace = view.trace.problems.filter((line) => !report.problems.includes(line));
	return [...report.warnings, ...ofTrace];
}

function roleOf(number) {
	return view.process.workers.find((worker) => worker.worker === number)?.role || '';
}

// ---- The worst ----------------------------------------------------------------------------------

/* Of work on the pool not even its request may be known. */
function openName({ in_pool: inPool, kind, callback }) {
	if (!inPool)
		return callback;
	if (kind === 'unknown')
		return 'work of a request whose submission is not in the trace';
	return `${kind} for ${callback}`;
}

function stillOpen(poll, died) {
	const worker = ` on worker ${poll.worker} (${roleOf(poll.worker)})`;
	const since = timeText(poll.start_ns, 1e6);
	const lasted = `had run for ${formatDuration(poll.duration_ns)} since ${since}`;
	return goButton(poll, died ? 'The program died in ' : 'Still running at the end: ',
		element('strong', {}, openName(poll)), ' ', span('place', place(poll)),
		`${worker}, which ${lasted}.`);
}

function goToFinding(finding) {
	setChosen(view.lanes.findIndex((lane) => lane.worker.worker === finding.worker));
	showAround(finding.from_ns, Math.max(finding.from_ns, finding.to_ns));
}

function findingItem(finding) {
	const row = rowButton(() => goToFinding(finding), span('severity', finding.severity), ' ',
		element('strong', {}, finding.title), span('evidence', finding.evidence),
		costLine(finding));
	return element('li', { class: `finding ${finding.severity}` }, row,
		finding.advice ? paragraph('advice', finding.advice) : null);
}

function nothingFound(report) {
	return element('p', {}, report.tier === 'libc'
		? 'Nothing; but no callbacks can be seen in this trace.'
		: `No problem found${report.problems.length ? ' in what could be read' : ''}.`);
}

function worst(report) {
	const died = report.seal_reason === 'died' || report.salvaged;
	const open = longList('running', 'open', report.open_polls,
		(poll) => item(stillOpen(poll, died)));
	const findings = listOf('findings', report.findings.map(findingItem));
	return [open, findings || nothingFound(report)];
}

// ---- Lists --------------------------------------------------------------------------------------

function longPoll(poll) {
	return item(goButton(poll,
		span('figure', formatDuration(poll.duration_ns)),
		span('what', swatch(poll), ...callbackCell(poll)),
		span('when', `worker ${poll.worker}, ${timeText(poll.start_ns, 1e6)}`)));
}

function longPolls(report) {
	const { long_polls: rows, long_poll_count: count } = report;
	const isLong = ({ duration_ns: ns }) => ns >= state.long;
	const open = report.open_polls.filter(isLong).length;
	const ended = plural(count, runWord()) + (open ? ' that ended' : '');
	return section(`${ended}, of ${formatDuration(state.long)} or longer`,
		open > 0 && paragraph('more', `${plural(open, 'longer one')} had not ended at ` +
			'the end of the trace: see above.'),
		longList('long', 'rows', rows, longPoll, count));
}

function idlePeriod(idle) {
	const waited = plural(idle.queue_depth, 'request');
	return item(rowButton(() => showAround(idle.start_ns, idle.start_ns + idle.duration_ns),
		span('figure', formatDuration(idle.duration_ns)),
		span('what', `worker ${idle.worker} slept, ${waited} waited`),
		span('when', timeText(idle.start_ns, 1e6))));
}

function idlePeriods(report) {
	if (report.idle_period_count === 0)
		return null;
	const { idle_periods: rows, idle_period_count: count } = report;
	const least = formatDuration(state.idle);
	const often = plural(count, 'time');
	return section(`${often} asleep for ${least} or longer while requests waited`,
		longList('idle', 'rows', rows, idlePeriod, count));
}

/* null: calls of libuv are not seen (tier "libc"). */
function levelText(level) {
	if (!level)
		return 'cannot be seen';
	return `${formatCount(level.max)} at most, ${level.mean.toFixed(2)} on average`;
}

function waitText({ p50_ns: p50, p99_ns: p99, max_ns: max }) {
	return `p50 ${formatDuration(p50)}, p99 ${formatDuration(p99)}, max ${formatDuration(max)}`;
}

function queues({ queues: all }) {
	return section('Queues', facts([
		['Pool queued', levelText(all.pool_queued)],
		['Pool running', levelText(all.pool_running)],
		['Wait for the pool', all.pool_wait?.count ? waitText(all.pool_wait) : null],
		['Ready fds', levelText(all.ready_fds)],
		['Active requests', levelText(all.active_requests)],
		['Active handles', levelText(all.active_handles)],
	]));
}

// ---- All of it ----------------------------------------------------------------------------------

function insideProgram(report) {
	return report.tier === 'full (patched)' ? ', inside the program (patched)' : '';
}

function lead(report) {
	const program = report.program || '(unknown program)';
	const libuv = report.libuv || 'of unknown version';
	return paragraph('lead',
		`${program}, process ${report.pid}, libuv ${libuv}${insideProgram(report)}`);
}

function recorded(report) {
	const day = formatDay(BigInt(report.startRealNs ?? view.process.startRealNs));
	const lost = report.lost_events + report.missing_events;
	const size = `${plural(report.events, 'event')} in ${plural(report.segments, 'file')}`;
	const lasted = formatDuration(report.duration_ns);
	return element('p', {}, `Recorded ${day} for ${lasted}: ${size}, ` +
		`${lost ? `${formatCount(lost)} NOT there` : 'none lost'}. ${report.ending}`);
}

function warningList(lines) {
	if (lines.length === 0)
		return null;
	const list = (some) => element('ul', {}, some.map((line) => item(line)));
	const rest = lines.slice(WARNINGS_SHOWN);
	return element('div', { class: 'warnings' }, list(lines.slice(0, WARNINGS_SHOWN)),
		rest.length > 0 && element('details', {},
			element('summary', {}, `${formatCount(rest.length)} more`), list(rest)));
}

export function showFindings(report) {
	fill(byId('panel-findings'),
		lead(report), recorded(report), warningList(warningsOf(report)),
		section('What stands out', ...worst(report)),
		longPolls(report), idlePeriods(report), queues(report), limitsSection(report),
		machineSection(report));
}
