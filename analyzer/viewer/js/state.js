/* SPDX-License-Identifier: Apache-2.0
 *
 * What the page shows, and its form in the URL's fragment: a link to a view of a trace. Everything
 * that can be changed by hand is here; who changes it calls changed().
 */

export const DEFAULTS = {
	trace: '',                  // of what the rest is: traceKey()
	from: null, to: null,       // the view, ns after the start
	rangeFrom: null, rangeTo: null, // the range that figures are of
	worker: null, tick: null,   // the selected poll
	transaction: '',            // the id of the one that is shown
	signature: null,            // of the list of transactions, its number
	runs: '',                   // the callback whose runs are listed: "12", its site;
	                            // "12w": work on the pool
	iteration: '',              // the one that is shown: "WORKER.TICK"
	notes: '',                  // pinned to times: "NS text", one a line
	long: 1e6, idle: 1e6, shortest: 0,
	kind: '', callback: '', object: '', only: '', // filters; only: of transactions
	hidden: '',                 // numbers of workers, comma-separated
	query: '',
	color: 'callback', time: 'relative', tab: 'findings',
	said: 'on', // marks and spans of the program
	process: 0,
};

export const state = { ...DEFAULTS };

/* What stays where another trace is opened: how one looks, not at what. */
const TASTES = ['long', 'idle', 'color', 'time', 'said'];

const listeners = [];
let writing = 0;

export function onChange(listener) {
	listeners.push(listener);
}

/* `what`: the names of what was changed. */
export function change(values) {
	const what = Object.keys(values).filter((key) => state[key] !== values[key]);
	if (what.length === 0)
		return;
	Object.assign(state, values);
	for (const listener of listeners)
		listener(new Set(what));
	clearTimeout(writing);
	writing = setTimeout(writeFragment, 200);
}

export function fragmentOf(values) {
	const parts = new URLSearchParams();
	for (const [key, value] of Object.entries(values)) {
		if (value !== DEFAULTS[key] && value !== null)
			parts.set(key, typeof value === 'number' ? Math.round(value) : value);
	}
	return parts.toString();
}

export function parseFragment(fragment) {
	const values = { ...DEFAULTS };
	for (const [key, value] of new URLSearchParams(fragment)) {
		if (!(key in DEFAULTS))
			continue;
		const isNumber = typeof DEFAULTS[key] === 'number' || DEFAULTS[key] === null;
		if (!isNumber)
			values[key] = value;
		else if (Number.isFinite(Number(value)))
			values[key] = Number(value);
	}
	return values;
}

/* [{ns, text}] of the notes, by time. */
export function notesOf(text) {
	return text.split('\n').map((line) => /^(-?\d{1,16}) (.+)$/.exec(line)).filter(Boolean)
		.map(([, ns, note]) => ({ ns: Number(ns), text: note }))
		.sort((a, b) => a.ns - b.ns);
}

export function textOfNotes(notes) {
	return notes.map(({ ns, text }) => `${ns} ${text.replaceAll(/\s+/g, ' ')}`).join('\n');
}

export function writeFragment() {
	const fragment = fragmentOf(state);
	const address = fragment ? '#' + fragment : location.pathname + location.search;
	history.replaceState(null, '', address);
}

export function tastes() {
	return Object.fromEntries(TASTES.map((key) => [key, state[key]]));
}

/* Names a trace: its process, and when that began. */
export function traceKey({ pid, start_real_ns: start }) {
	return `${pid}-${start}`;
}

export function readFragment() {
	Object.assign(state, parseFragment(location.hash.slice(1)));
}
