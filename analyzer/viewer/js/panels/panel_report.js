/* SPDX-License-Identifier: Apache-2.0
 *
 * What the text report says beside its tables: what a finding costs and how sure it is, what was
 * looked for, what cannot be known, the machine, how evenly threads were busy, what tracing cost.
 *
 * Rules: words and figures are those of the text report; what is not known is left out.
 */
import { formatCount, formatDuration, formatOffset, plural } from '../format.js';
import { element } from '../dom.js';
import { facts, item, listOf, paragraph, section, span } from './pieces.js';

const CERTAIN = 0.9, LIKELY = 0.7;

// ---- Findings -----------------------------------------------------------------------------------

function confidenceText(confidence) {
	return confidence >= CERTAIN ? 'certain' : confidence >= LIKELY ? 'likely' : 'possible';
}

/* What it cost, by which findings are ordered, how sure that is, and when it was. */
export function costLine({ cost, cost_ns: ns, confidence, from_ns: from, to_ns: to }) {
	const sum = cost && ns > 0 ? `${cost} ${formatDuration(ns)}; ` : '';
	const when = `${formatOffset(from, 1e6)} to ${formatOffset(to, 1e6)}`;
	return span('evidence cost', `Cost: ${sum}${confidenceText(confidence)}; ${when}`);
}

function nameList(title, names, isOpen) {
	if (names.length === 0)
		return null;
	return element('details', { open: isOpen }, element('summary', {}, title),
		listOf('open', names.map((name) => item(name))));
}

/* What was looked for, and what this trace does not have. */
export function limitsSection({ checked, cannot_tell: unknown, findings }) {
	return section('How far this goes',
		nameList(`${plural(checked.length, 'thing')} looked for`, checked,
			findings.length === 0),
		nameList(`${formatCount(unknown.length)} not in this trace`, unknown, true));
}

// ---- The machine --------------------------------------------------------------------------------

function cpusText({ cpus, cpus_allowed: allowed, quota_cpus: quota }) {
	if (!cpus)
		return '';
	const may = allowed && allowed < cpus
		? `, of which the program may use ${allowed}` : '';
	const limit = quota ? `; the cgroup quota is ${Number(quota.toPrecision(3))} CPUs` : '';
	return plural(cpus, 'CPU') + may + limit;
}

function cpuTimeText({ busy_ns: busy, idle_ns: idle, steal_ns: stolen }) {
	const all = busy + idle + stolen;
	if (busy === null || all === 0)
		return '';
	return `${(100 * busy / all).toFixed(0)}% busy; ` +
		`${(100 * stolen / all).toFixed(1)}% stolen by a hypervisor`;
}

function throttlingText({ periods, throttled_periods: some, throttled_ns: ns }) {
	const lasted = formatDuration(ns);
	return periods ? `in ${some} of ${plural(periods, 'period')}, for ${lasted}` : '';
}

function switchesText({ workers }) {
	const known = workers.filter((worker) => Number.isFinite(worker.voluntary_switches));
	const sum = (key) => formatCount(known.reduce((all, worker) => all + worker[key], 0));
	return known.length === 0 ? '' : `${sum('voluntary_switches')} voluntary, ` +
		`${sum('involuntary_switches')} involuntary`;
}

function overheadText({ overhead }) {
	if (!overhead || !overhead.share_of_busy)
		return '';
	const { cost_ns: cost, share_of_busy: share, events, event_ns: each } = overhead;
	const where = overhead.event_measured ? 'there at the start' : 'elsewhere';
	const percent = Number((100 * share).toPrecision(2));
	return `about ${formatDuration(cost)}, ${percent}% of the busy time ` +
		`(${plural(events, 'event')} of ${each.toFixed(1)} ns, as measured ${where})`;
}

function balanceText(row) {
	const busiest = formatDuration(row.max_busy_ns), mean = formatDuration(row.mean_busy_ns);
	return `${row.workers} ${row.role} workers: worker ${row.busiest_worker} is the busiest ` +
		`with ${busiest}, ${row.max_over_mean.toFixed(1)} times the mean of ${mean}.`;
}

export function machineSection(report) {
	const { machine, command } = report;
	return section('The machine, and the recording', facts([
		['CPUs', cpusText(machine)],
		['CPU time of all processes', cpuTimeText(machine)],
		['Throttled by the quota', throttlingText(machine)],
		['Context switches', switchesText(report)],
		['Tracing itself took', overheadText(report)],
		['Command line', command ? element('code', {}, command) : ''],
	]));
}

/* How evenly threads of one role were busy. */
export function balanceLines({ imbalance }) {
	return imbalance.filter((row) => row.workers > 1 && row.mean_busy_ns > 0)
		.map((row) => paragraph('more', balanceText(row)));
}
