/* SPDX-License-Identifier: Apache-2.0
 *
 * A stall sample in words: what the callback was in, and its stack.
 */
import { element } from '../dom.js';
import { formatDuration } from '../format.js';
import { timeText } from '../draw/range.js';
import { nameAndFile, placeOf } from '../draw/scripts.js';
import { goButton, listOf, nameAndPlace, paragraph, span } from './pieces.js';

const CAUSES = {
	syscall: 'in a system call', lock: 'waits for a lock', cpu: 'computes',
	descheduled: 'waits for a CPU', unknown: 'unknown',
};
const SCANNED = 'a return address that was looked for on the stack: ' +
	'it may be left over from an earlier call';

function frameItem(frame) {
	const place = frame.file ? placeOf(frame) : frame.module;
	const attributes = frame.scanned ? { class: 'scanned', title: SCANNED } : {};
	return element('li', attributes,
		span('name', frame.function), ' ', span('place', place));
}

function stallTimes(stall) {
	if (stall.measured_ns === null)
		return null;
	const onCpu = formatDuration(stall.on_cpu_ns), wait = formatDuration(stall.wait_ns);
	return paragraph('more', `of ${formatDuration(stall.measured_ns)}: ${onCpu} on a CPU, ` +
		`${wait} waiting for one, ${formatDuration(stall.asleep_ns)} asleep`);
}

function stallEvidence(stall) {
	const at = timeText(stall.at_ns, 1e6), lasted = formatDuration(stall.duration_ns);
	const where = `${nameAndPlace(stall)}, worker ${stall.worker}, at ${at}`;
	const whole = stall.duration_ns === null ? '' : `, of ${lasted} in the end`;
	return `${where}: had run for ${formatDuration(stall.so_far_ns)}${whole}`;
}

/* What it was in and, if that is no function of the program's own, which one had called that. */
function stallTitle({ what, cause, script, reason, ...row }) {
	const sleeps = cause === 'syscall' || cause === 'lock';
	const called = sleeps && script
		? `${script.called ? ` of ${script.called}` : ''}, called by ${nameAndFile(script)}`
		: '';
	const why = reason ? ` (${reason.replaceAll('_', ' ')})` : '';
	return `${what || nameAndPlace(row)}${called}${why}`;
}

export function stallItem(stall) {
	const { worker, start_ns, duration_ns, so_far_ns: soFar } = stall;
	const poll = { worker, start_ns, duration_ns: duration_ns ?? soFar };
	const row = goButton(poll, span('severity', CAUSES[stall.cause] || stall.cause), ' ',
		element('strong', {}, stallTitle(stall)),
		span('evidence', stallEvidence(stall)));
	return element('li', { class: 'stall' }, row, stallTimes(stall),
		listOf('frames', stall.frames.map(frameItem)));
}
