/* SPDX-License-Identifier: Apache-2.0
 *
 * What one does with a trace, however one asks for it (mouse, key, panel): select, jump, search,
 * filter, follow, take the figures of a range.
 */
import { announce, say } from '../dom.js';
import { formatDuration } from '../format.js';
import { ask } from '../load/remote.js';
import { change, state } from '../state.js';
import {
	runWord, setChosen, setIteration, setLife, setSelected, view,
} from '../draw/view.js';
import { redraw } from '../draw/frame.js';
import { hiddenWorkers, laneOfPosition, layOut } from '../draw/layout.js';
import { show, showAround, timeText } from '../draw/range.js';
import { refreshAll } from '../draw/timeline.js';
import { takeBehind } from './jobs.js';
import {
	filteredTransactions, isTransactionQuery, jumpTransaction, leaveTransaction,
	takeTransactionOf,
} from './transactions.js';

let filterKey = '';

export function siteOf(stroke) {
	return view.process.sites[stroke.site] || view.process.sites[view.process.sites.length - 1];
}

// ---- Selecting ----------------------------------------------------------------------------------

/* Selects the poll that began on a worker (its position) at a tick; `go`: shows it. */
export async function select(worker, tick, go = false) {
	const detail = await ask('detail', { worker, tick });
	setSelected(detail);
	change({ worker: detail ? worker : null, tick: detail ? tick : null });
	if (!detail)
		return;
	if (go)
		showAround(detail.start_ns, detail.start_ns + detail.duration_ns);
	const lane = laneOfPosition(worker);
	if (lane)
		setChosen(view.lanes.indexOf(lane));
	change({ tab: 'selection' });
	const lasted = formatDuration(detail.duration_ns), at = timeText(detail.start_ns, 1000);
	announce(`${siteOf(detail).name}, ${lasted}, at ${at}`);
	redraw();
	takeBehind(detail);
	await takeTransactionOf(worker, tick);
}

export function clearSelection() {
	setSelected(null);
	leaveTransaction();
	setLife(null);
	setIteration(null);
	change({ iteration: '', worker: null, tick: null, rangeFrom: null, rangeTo: null });
	redraw();
}

/* A poll that a report names: by worker number and start. Its tick is found by looking just
 * before it. */
export async function goToPoll(poll) {
	const position = view.process.workers.findIndex((worker) => worker.worker === poll.worker);
	showAround(poll.start_ns, poll.start_ns + poll.duration_ns);
	const workers = new Uint8Array(view.process.workers.length);
	workers[position] = 1;
	const near = poll.start_ns - Math.max(1000, poll.duration_ns * 0.001);
	let from = near / view.process.report.unit_ns;
	for (let tries = 0; tries < 64; tries++) {
		const shortest = poll.duration_ns * 0.99;
		const sites = allSites();
		const found = await ask('find',
			{ from, backwards: false, shortest, sites, workers });
		if (!found)
			return;
		if (Math.abs(found.start_ns - poll.start_ns) < 1) {
			await select(found.worker, found.tick);
			return;
		}
		from = found.tick;
	}
}

// ---- Finding ------------------------------------------------------------------------------------

export function allSites() {
	return new Uint8Array(view.process.sites.length).fill(1);
}

function matchingSites(query) {
	const words = query.toLowerCase().split(/\s+/).filter(Boolean);
	return Uint8Array.from(view.process.sites, (site) => {
		const text = `${site.kind} ${site.text} ${site.module} ${site.file}`.toLowerCase();
		return words.every((word) => text.includes(word)) ? 1 : 0;
	});
}

function shownWorkers() {
	const hidden = hiddenWorkers();
	return Uint8Array.from(view.process.workers,
		(worker) => (hidden.has(worker.worker) ? 0 : 1));
}

/* Where a search begins: at the selected poll, else at the view's edge. */
function searchStart(backwards) {
	if (view.selected)
		return view.selected.tick;
	return (backwards ? state.to : state.from) / view.process.report.unit_ns;
}

async function jump(values, what) {
	const backwards = Boolean(values.backwards);
	const found = await ask('find', {
		from: searchStart(backwards), shortest: 0,
		sites: allSites(), workers: shownWorkers(), ...values,
	});
	if (!found) {
		say(`No ${backwards ? 'earlier' : 'later'} ${what}`);
		return;
	}
	const width = state.to - state.from;
	const isAfter = found.start_ns > state.from + width * 0.02;
	const isBefore = found.start_ns + found.duration_ns < state.to - width * 0.02;
	const fits = isAfter && isBefore;
	if (!fits && found.duration_ns < width * 0.9)
		show(found.start_ns - width / 3, found.start_ns + (2 * width) / 3);
	else if (!fits)
		showAround(found.start_ns, found.start_ns + found.duration_ns);
	await select(found.worker, found.tick);
}

export function jumpLong(backwards) {
	return jump({ backwards, shortest: state.long },
		`${runWord()} of ${formatDuration(state.long)} or longer`);
}

export function jumpMatch(backwards) {
	if (isTransactionQuery(state.query))
		return jumpTransaction(state.query, backwards);
	const sites = matchingSites(state.query);
	const matches = sites.reduce((sum, one) => sum + one, 0);
	if (!state.query || matches === 0) {
		const nothing = `No callback matches “${state.query}”`;
		say(state.query ? nothing : 'Type what to search for');
		return null;
	}
	return jump({ backwards, sites }, `run of “${state.query}”`);
}

/* The next or previous poll of the lane that the keys act on. */
export function jumpInLane(backwards) {
	const workers = new Uint8Array(view.process.workers.length);
	workers[view.lanes[view.chosen].position] = 1;
	return jump({ backwards, workers }, `${runWord()} of this worker`);
}

// ---- Filters ------------------------------------------------------------------------------------

function filteredSites() {
	if (!state.kind && !state.callback)
		return null;
	const byText = matchingSites(state.callback);
	const isOfKind = (site) => !state.kind || site.kind === state.kind;
	return Uint8Array.from(view.process.sites,
		(site, i) => (byText[i] && isOfKind(site) ? 1 : 0));
}

/* The address that somebody has typed, with or without 0x; 0: none. */
function filteredObject() {
	const [, , digits] = /^(0x)?([0-9a-f]+)$/i.exec(state.object) || [];
	return digits ? Number('0x' + digits) : 0;
}

export async function applyFilters() {
	const object = filteredObject();
	const key = [state.kind, state.callback, object, state.shortest, state.only].join('|');
	layOut();
	if (key !== filterKey) {
		filterKey = key;
		const { shortest } = state, only = filteredTransactions(state.only);
		if (!await ask('filter', { sites: filteredSites(), object, shortest, only }))
			say('So many are not held: the first of them are shown');
	}
	refreshAll();
	const page = document.documentElement.dataset;
	page.filtered = String(Number(page.filtered || 0) + 1);
}

export function forgetFilters() {
	filterKey = '||0|0|';
}

// ---- Figures ------------------------------------------------------------------------------------

/* Figures of the range, or of all, with the thresholds as they are. Null: newer ones are on
 * their way. */
export async function takeFigures() {
	const whole = state.rangeFrom === null;
	if (whole && state.long === 1e6 && state.idle === 1e6)
		return view.process;
	return ask('figures', {
		from: whole ? 0 : Math.max(0, Math.round(state.rangeFrom)),
		to: whole ? null : Math.max(1, Math.round(state.rangeTo)),
		longPoll: state.long, idle: state.idle,
	});
}

// ---- Following ----------------------------------------------------------------------------------

export async function follow(object) {
	setLife(await ask('follow', { object: Number(object) }));
	redraw();
	if (view.life.events.length === 0)
		say(`Nothing in the trace names ${object}`);
}
