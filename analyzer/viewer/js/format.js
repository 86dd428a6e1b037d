/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers and times as people read them; durations as analyzer/base/durations.c prints them.
 */

const UNITS = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']];

/* Three significant digits in the unit that fits; minutes and hours in two parts. */
export function formatDuration(ns) {
	if (ns === null || ns === undefined)
		return '–';
	if (ns < 0)
		return '−' + formatDuration(-ns);
	if (ns >= 60e9) {
		const seconds = Math.round(ns / 1e9);
		const minutes = Math.floor(seconds / 60);
		return minutes >= 60
			? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
			: `${minutes} min ${seconds % 60} s`;
	}
	if (ns < 1000)
		return `${Math.round(ns)} ns`;
	let [unit, name] = UNITS.find(([size]) => ns >= size);
	let text = (ns / unit).toPrecision(3);
	if (Number(text) >= 1000 && unit < 1e9) {
		[unit, name] = UNITS[UNITS.findIndex(([size]) => size === unit) - 1];
		text = (ns / unit).toPrecision(3);
	}
	return `${Number(text) >= 100 ? Math.round(Number(text)) : text} ${name}`;
}

/* To the nanosecond: "1.234 567 890 s" would be long, so the unit is the one that needs no
 * leading zeros. */
export function formatExact(ns) {
	const [unit, name] = UNITS.find(([size]) => Math.abs(ns) >= size) || UNITS[3];
	const digits = Math.log10(unit);
	const text = (ns / unit).toFixed(digits).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');
	return `${text} ${name}`;
}

const counts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function formatCount(count) {
	return counts.format(count);
}

export function formatBytes(bytes) {
	const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
	let at = 0;
	for (; bytes >= 1000 && at < units.length - 1; at++)
		bytes /= 1000;
	return `${at ? bytes.toPrecision(3) : bytes} ${units[at]}`;
}

export function formatPercent(share) {
	return share === null || share === undefined ? '–' : `${(share * 100).toFixed(1)} %`;
}

export function plural(count, word) {
	return `${formatCount(count)} ${word}${count === 1 ? '' : 's'}`;
}

/* A point in time after the start, as fine as `step` needs; what is finer is cut off, as
 * analyzer/base/durations.c does. */
export function formatOffset(ns, step = 1000) {
	const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / 1e9) - 0.001)));
	const shown = Math.floor(Math.abs(ns) / 10 ** (9 - digits) + 1e-6) / 10 ** digits;
	return `${ns < 0 ? '−' : '+'}${shown.toFixed(digits)} s`;
}

/* A point in time on the wall clock; startNs is a BigInt. */
export function formatClock(ns, startNs, step = 1000) {
	const at = startNs + BigInt(Math.round(ns));
	const second = at / 1000000000n;
	const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / 1e9) - 0.001)));
	const date = new Date(Number(second) * 1000);
	const pad = (number) => String(number).padStart(2, '0');
	const fraction = String(at % 1000000000n).padStart(9, '0').slice(0, digits);
	const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':');
	return clock + (digits ? '.' + fraction : '');
}

/* The wall clock's day and zone at a moment, "2026-11-30 UTC+1". */
export function formatDate(ns, startNs) {
	const date = new Date(Number((startNs + BigInt(Math.round(ns))) / 1000000n));
	const zone = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
		.formatToParts(date).find(({ type }) => type === 'timeZoneName').value;
	return `${date.toLocaleDateString('sv-SE')} ${zone}`;
}

/* The id of a span, a BigInt. */
export function formatId(id) {
	return '0x' + id.toString(16);
}

/* The wall clock's day and zone, for where they are not said with each time. */
export function formatDay(startNs) {
	const start = new Date(Number(startNs / 1000000n));
	return start.toLocaleString('sv-SE', { timeZoneName: 'short' });
}

/* "250us", "1.5 ms", a plain number of nanoseconds; null: none of these. */
export function parseDuration(text) {
	const match = /^\s*([0-9.]+)\s*(ns|us|µs|ms|s|m)?\s*$/.exec(text);
	const units = { ns: 1, us: 1e3, 'µs': 1e3, ms: 1e6, s: 1e9, m: 60e9 };
	const number = match ? Number(match[1]) : NaN;
	return Number.isFinite(number) ? number * units[match[2] || 'ns'] : null;
}
