/* SPDX-License-Identifier: Apache-2.0
 *
 * The transactions of the process in short, as C leaves them (contract.def): a table of numbers, in
 * the order of begins. A transaction is told by its row in it, or by its id, which is text.
 */
import { BRIEF, BRIEFS } from './contract.js';
import { view } from './draw/view.js';

export function briefCount() {
	return view.process.briefs.length / BRIEFS;
}

export function briefOf(row) {
	const { briefs } = view.process, at = row * BRIEFS;
	return {
		id: `${briefs[at + BRIEF.ID_NS]}.${briefs[at + BRIEF.ID_WORKER]}`,
		start_ns: briefs[at + BRIEF.BEGIN],
		duration_ns: briefs[at + BRIEF.DURATION],
		signature: briefs[at + BRIEF.SIGNATURE],
	};
}

/* [ns, worker] of an id; null: the text is none. */
export function parseId(text) {
	const match = /^\s*(\d{1,15})\.(\d{1,4})\s*$/.exec(text);
	return match && [Number(match[1]), Number(match[2])];
}

/* The row of an id; -1: it is not in the table. */
export function rowOfId(text) {
	const { briefs } = view.process, [ns, worker] = parseId(text) || [];
	for (let at = 0; ns !== undefined && at < briefs.length; at += BRIEFS) {
		if (briefs[at + BRIEF.ID_NS] === ns && briefs[at + BRIEF.ID_WORKER] === worker)
			return at / BRIEFS;
	}
	return -1;
}

/* Rows whose signature is one of a Set of numbers. */
export function rowsOf(signatures) {
	const { briefs } = view.process, rows = [];
	for (let at = 0; at < briefs.length; at += BRIEFS) {
		if (signatures.has(briefs[at + BRIEF.SIGNATURE]))
			rows.push(at / BRIEFS);
	}
	return rows;
}

/* "read onRequest > fs_open > fs_read": a row of the report's transactions in words. */
export function signatureText({ signature, root_callback: callback }) {
	const [root, ...rest] = signature;
	return [`${root ?? 'unknown'} ${callback ?? ''}`.trim(), ...rest].join(' > ');
}
