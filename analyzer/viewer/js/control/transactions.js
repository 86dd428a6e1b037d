/* SPDX-License-Identifier: Apache-2.0
 *
 * What one does with transactions: show one by its id, or the one that a poll is part of, and go to
 * the next or previous of its signature, or of those that match a search.
 */
import { announce, say } from '../dom.js';
import { formatDuration } from '../format.js';
import { ask } from '../load/remote.js';
import { change, state } from '../state.js';
import { isStep, setSelected, setTransaction, view } from '../draw/view.js';
import { redraw } from '../draw/frame.js';
import { showAround } from '../draw/range.js';
import { briefOf, parseId, rowOfId, rowsOf, signatureText } from '../briefs.js';

let sought = 0; // how often one was

function putTransaction(transaction) {
	setTransaction(transaction);
	change({ transaction: transaction ? transaction.id : '' });
	redraw();
}

export function leaveTransaction() {
	sought++;
	putTransaction(null);
}

/* The one that a poll is part of becomes the shown one; none where it is part of none. */
export async function takeTransactionOf(worker, tick) {
	if (isStep(worker, tick))
		return;
	const mine = ++sought;
	const found = await ask('transactionOf', { worker, tick });
	if (mine === sought)
		putTransaction(found);
}

/* False: there is no such transaction. `go`: the timeline shows all of it. */
export async function showTransaction(id, go = true) {
	const numbers = parseId(id), mine = ++sought;
	const found = numbers && await ask('transaction', { numbers });
	if (mine !== sought)
		return true;
	if (!found) {
		say(`No transaction ${id} in this trace`);
		return false;
	}
	setSelected(null);
	putTransaction(found);
	change({ worker: null, tick: null, tab: 'selection' });
	if (go)
		showAround(found.start_ns, found.start_ns + found.duration_ns);
	announce(`Transaction ${found.id}, ${formatDuration(found.duration_ns)}`);
	return true;
}

// ---- The next one -------------------------------------------------------------------------------

/* The nearest of some rows after or before the shown transaction, else the view's edge. */
function nextRow(rows, backwards) {
	const own = view.transaction ? rowOfId(view.transaction.id) : -1;
	const isBeyond = (row) => {
		if (own >= 0)
			return backwards ? row < own : row > own;
		const { start_ns: start } = briefOf(row);
		return backwards ? start < state.to : start >= state.from;
	};
	return backwards ? rows.findLast(isBeyond) : rows.find(isBeyond);
}

function jumpAmong(signatures, backwards, what) {
	const row = nextRow(rowsOf(signatures), backwards);
	if (row === undefined) {
		say(`No ${backwards ? 'earlier' : 'later'} ${what}`);
		return null;
	}
	return showTransaction(briefOf(row).id);
}

export function jumpInSignature(backwards) {
	if (!view.transaction || view.transaction.signature < 0) {
		say(view.transaction ? 'This transaction has no signature'
			: 'Select a callback of a transaction first');
		return null;
	}
	return jumpAmong(new Set([view.transaction.signature]), backwards,
		'transaction of this signature');
}

// ---- Searching ----------------------------------------------------------------------------------

/* "read on_request > fs_open": signatures that have all of these steps, in this order. */
export function matchingSignatures(query) {
	const wanted = query.toLowerCase().split('>').map((part) => part.trim()).filter(Boolean);
	const isMatch = (row) => {
		let at = 0;
		for (const step of signatureText(row).toLowerCase().split(' > ')) {
			if (at < wanted.length && step.includes(wanted[at]))
				at++;
		}
		return at === wanted.length;
	};
	const numbers = view.process.report.transactions.map((row, i) => (isMatch(row) ? i : -1));
	return new Set(numbers.filter((i) => i >= 0));
}

/* Whether a search is for transactions: an id, or a signature, which has a ">". */
export function isTransactionQuery(query) {
	return query.includes('>') || parseId(query) !== null;
}

export function jumpTransaction(query, backwards) {
	if (parseId(query))
		return showTransaction(query.trim());
	const signatures = matchingSignatures(query);
	if (signatures.size === 0) {
		say(`No signature matches “${query}”`);
		return null;
	}
	return jumpAmong(signatures, backwards, `transaction of “${query}”`);
}

/* What the second thread is to show alone: a transaction by its id, else those of all signatures
 * that match; null: everything. */
export function filteredTransactions(query) {
	if (!query)
		return null;
	if (parseId(query))
		return { numbers: parseId(query) };
	const matching = matchingSignatures(query);
	const { transactions } = view.process.report;
	return { signatures: Uint8Array.from(transactions, (row, i) => (matching.has(i) ? 1 : 0)) };
}
