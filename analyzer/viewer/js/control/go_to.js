/* SPDX-License-Identifier: Apache-2.0
 *
 * Going to a time that somebody types: after the start ("+1.5 s", "250ms", plain seconds) or on the
 * wall clock ("14:03:27.5", "2026-11-30 14:03:27").
 */
import { announce, byId, say } from '../dom.js';
import { formatClock, formatOffset, parseDuration } from '../format.js';
import { state } from '../state.js';
import { view } from '../draw/view.js';
import { show, timeText } from '../draw/range.js';

const DAY_NS = 86400e9;
const TYPED_SHARE = 0.02; // of the trace: so much is shown at most
const TYPED_LEAST_NS = 1000;

const CLOCK_TIME = /^(?:(\d{4})-(\d\d)-(\d\d)[ T])?(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?$/;

/* A clock's time without a day is of the day on which the trace began, or of the next if that lies
 * before its start and the next does not lie behind its end. */
function parseClock(text) {
	const match = CLOCK_TIME.exec(text);
	if (!match)
		return null;
	const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
	const { startRealNs: start, end_ns: end } = view.process;
	const began = new Date(Number(start / 1000000n));
	const date = match[1] ? new Date(year, month - 1, day)
		: new Date(began.getFullYear(), began.getMonth(), began.getDate());
	date.setHours(hour, minute, second || 0);
	const fraction = BigInt((match[7] || '').padEnd(9, '0'));
	const ns = Number(BigInt(date.getTime()) * 1000000n + fraction - start);
	return !match[1] && ns < 0 && ns + DAY_NS <= end ? ns + DAY_NS : ns;
}

function parseOffset(text) {
	const sign = text.startsWith('-') || text.startsWith('−') ? -1 : 1;
	const size = text.replace(/^[+\-−]/, '').trim();
	const ns = parseDuration(/[a-zµ]$/.test(size) ? size : size + 's');
	return ns === null ? null : sign * ns;
}

/* In ns after the start; null: no time. */
export function parseTime(text) {
	return parseClock(text.trim()) ?? parseOffset(text.trim());
}

/* Shows the surroundings of a time: as much as now, if that is little. False: the trace has no such
 * time. */
export function goToTyped(ns) {
	const { start_ns: start, end_ns: end } = view.process;
	if (ns < start || ns > end)
		return false;
	const most = Math.max((end - start) * TYPED_SHARE, TYPED_LEAST_NS);
	const width = Math.min(state.to - state.from, most);
	show(ns - width / 2, ns + width / 2);
	return true;
}

function takeTyped() {
	const text = byId('go-time').value, ns = parseTime(text);
	if (ns === null)
		say(`“${text}” is no time`);
	else if (!goToTyped(ns))
		say(`The trace has no ${text}`);
	else
		announce(`${timeText(ns, 1000)} is in the middle`);
}

/* The limits of what can be typed, in both ways. */
export function openGoTo() {
	const { start_ns: start, end_ns: end, startRealNs: real } = view.process;
	const times = [start, end];
	byId('go-limits').textContent = `The trace lasts from ` +
		`${times.map((ns) => formatOffset(ns)).join(' to ')}, on the wall clock from ` +
		`${times.map((ns) => formatClock(ns, real)).join(' to ')}.`;
	byId('go').returnValue = '';
	byId('go').showModal();
	byId('go-time').select();
}

export function setUpGoTo() {
	byId('go').addEventListener('close', () => {
		if (byId('go').returnValue === 'go')
			takeTyped();
		byId('timeline').focus({ preventScroll: true });
	});
}
