/* SPDX-License-Identifier: Apache-2.0
 *
 * The phases of an iteration of a loop, told from the kinds of its callbacks and their order: poll,
 * check, closing, timers, pending, idle, prepare, as libuv goes through them from wait to wait.
 *
 * Rules: what fits into two phases is told as unknown. Callbacks of descriptors that run first
 * after a wait are of poll; once a later phase has begun, they were pending.
 */

const PHASE_OF_KIND = {
	timer: 'timers', idle: 'idle', prepare: 'prepare', check: 'check', close: 'closing',
};
const ORDER = ['poll', 'check', 'closing', 'timers', 'pending', 'idle', 'prepare'];
const LABELS = {
	poll: 'Poll', check: 'Check', closing: 'Closing', timers: 'Timers', pending: 'Pending',
	idle: 'Idle', prepare: 'Prepare', unknown: 'Unknown (pending, or cancelled by closing)',
};
/* Their callbacks may also be called by the close of their handle. */
const CANCELLED_BY_CLOSE = ['write', 'connect', 'shutdown', 'udp_send'];

function phaseOf(kind, at, after) {
	if (PHASE_OF_KIND[kind])
		return PHASE_OF_KIND[kind];
	if (at === 'poll' && after !== 'enter')
		return 'poll';
	const mayClose = at === 'check' || at === 'closing';
	return mayClose && CANCELLED_BY_CLOSE.includes(kind) ? 'unknown' : 'pending';
}

/* [{phase, label, polls, ns, from_ns, to_ns}], in their order; a phase that came twice is there
 * twice. */
export function phasesOf({ list, after }, siteOf) {
	const phases = [];
	let at = 'poll';
	for (const poll of list) {
		const phase = phaseOf(siteOf(poll).kind, at, after);
		if (ORDER.indexOf(phase) > ORDER.indexOf(at))
			at = phase;
		if (phases.at(-1)?.phase !== phase)
			phases.push({ phase, label: LABELS[phase], polls: [], ns: 0,
				from_ns: poll.start_ns, to_ns: poll.start_ns });
		const last = phases.at(-1);
		last.polls.push(poll);
		last.ns += poll.duration_ns;
		last.to_ns = poll.start_ns + poll.duration_ns;
	}
	return phases;
}
