/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of the second thread for one question of somebody's: all runs of a callback, all
 * iterations of the loops, one iteration, who waited behind a poll.
 *
 * Rules: an answer to an older question is not taken. Runs and iterations are those of the range
 * that figures are of.
 */
import { RUN, RUNS } from '../contract.js';
import { announce, say } from '../dom.js';
import { formatDuration, plural } from '../format.js';
import { ask } from '../load/remote.js';
import { change, state } from '../state.js';
import { setBehind, setIteration, setIterations, setRuns, view } from '../draw/view.js';
import { redraw } from '../draw/frame.js';
import { hiddenWorkers } from '../draw/layout.js';
import { showAround } from '../draw/range.js';

const jobsAsked = { runs: 0, iterations: 0, iteration: 0, behind: 0 };

/* The answer; undefined: something newer was asked for meanwhile. */
async function askNewest(what, op, values) {
	const mine = ++jobsAsked[what];
	const found = await ask(op, values);
	return mine === jobsAsked[what] ? found : undefined;
}

// ---- Runs and iterations ------------------------------------------------------------------------

const SITE_KEYS = [
	['kind', 'kind'], ['name', 'callback'], ['module', 'module'], ['file', 'file'],
	['line', 'line'], ['caller', 'caller'], ['caller_file', 'caller_file'],
	['caller_line', 'caller_line'],
];

function isSiteOf(site, row) {
	return SITE_KEYS.every(([own, other]) => (site[own] || null) === (row[other] || null));
}

/* How a row of callbacks is told in the address: the number of its site, and a "w" if it is of
 * work on the pool. */
export function runsKeyOf(row) {
	const site = view.process.sites.findIndex((one) => isSiteOf(one, row));
	return site < 0 ? '' : `${site}${row.in_pool ? 'w' : ''}`;
}

function rowsOfTable(table) {
	const rows = [];
	for (let at = 0; at < table.length; at += RUNS) {
		rows.push({
			start_ns: table[at + RUN.BEGIN], duration_ns: table[at + RUN.DURATION],
			tick: table[at + RUN.TICK], worker: table[at + RUN.WORKER],
			site: table[at + RUN.SITE], object: table[at + RUN.OBJECT],
		});
	}
	return rows;
}

async function askRuns(what, values) {
	const from = state.rangeFrom === null ? 0 : Math.max(0, Math.round(state.rangeFrom));
	const to = state.rangeFrom === null ? null : Math.max(1, Math.round(state.rangeTo));
	const found = await askNewest(what, 'runs', { ...values, from, to });
	return found && { rows: rowsOfTable(found.table), seen: found.seen, ns: found.ns };
}

/* Those of the callback that the state names; none where it names none. */
export async function takeRuns() {
	const [, digits, pool] = /^(\d{1,6})(w?)$/.exec(state.runs) || [];
	const wanted = digits === undefined ? null : view.process.sites[Number(digits)];
	if (!wanted) {
		jobsAsked.runs++;
		setRuns(null);
		return;
	}
	const sites = Uint8Array.from(view.process.sites, (site, i) => (i === Number(digits) ||
		SITE_KEYS.every(([key]) => site[key] === wanted[key]) ? 1 : 0));
	const key = state.runs;
	const found = await askRuns('runs', { sites, inPool: pool === 'w' });
	if (found)
		setRuns({ ...found, key, site: wanted, inPool: pool === 'w' });
}

export async function takeIterations() {
	const found = await askRuns('iterations', { sites: null, inPool: false });
	if (found)
		setIterations(found);
}

/* All runs of the callback of a poll that is known in detail. */
export function showRunsOf({ site, in_pool: inPool }) {
	change({ runs: `${site}${inPool ? 'w' : ''}`, tab: 'callbacks' });
}

/* The filter's shortest duration, handle and workers leave some out. */
export function filteredRuns(rows) {
	const hidden = hiddenWorkers(), object = state.object ? Number(state.object) : 0;
	const isHidden = view.process.workers.map(({ worker }) => hidden.has(worker));
	return rows.filter((row) => row.duration_ns >= state.shortest && !isHidden[row.worker] &&
		(!object || row.object === object));
}

// ---- One iteration ------------------------------------------------------------------------------

/* The one that a tick of a loop lies in; `go`: it is shown. False: it is not known. */
export async function showIteration(worker, tick, go = true) {
	const found = await askNewest('iteration', 'iteration', { worker, tick });
	if (found === undefined)
		return true;
	setIteration(found);
	change({ iteration: found ? `${worker}.${Math.round(found.tick)}` : '' });
	redraw();
	if (!found) {
		say('The iteration of this moment is not known');
		return false;
	}
	change({ tab: 'iterations' });
	if (go && found.end_ns !== null)
		showAround(found.began_ns, found.end_ns);
	announce(`Iteration of ${plural(found.count, 'callback')}, ` +
		`${formatDuration(found.callbacks_ns)} in them`);
	return true;
}

export function leaveIteration() {
	jobsAsked.iteration++;
	setIteration(null);
	change({ iteration: '' });
}

/* From the address: "WORKER.TICK". */
export function showNamedIteration() {
	const [, worker, tick] = /^(\d{1,4})\.(\d{1,16})$/.exec(state.iteration) || [];
	if (worker === undefined || Number(worker) >= view.process.workers.length)
		return null;
	return showIteration(Number(worker), Number(tick), false);
}

/* The next or previous one, of the same loop, in which a callback ran. */
export async function jumpIteration(backwards) {
	const now = view.iteration;
	if (!now && !view.selected) {
		say('Select a callback first');
		return;
	}
	if (!now) {
		await showIteration(view.selected.worker, view.selected.tick);
		return;
	}
	const workers = new Uint8Array(view.process.workers.length);
	workers[now.worker] = 1;
	const last = now.list[now.list.length - 1], sites = view.process.sites.map(() => 1);
	const found = await ask('find', {
		from: backwards || !last ? now.tick : last.tick, backwards, shortest: 0,
		sites: Uint8Array.from(sites), workers,
	});
	if (found)
		await showIteration(now.worker, found.tick);
	else
		say(`No ${backwards ? 'earlier' : 'later'} iteration with a callback`);
}

// ---- Who waited ---------------------------------------------------------------------------------

export async function takeBehind({ worker, tick }) {
	const found = await askNewest('behind', 'behind', { worker, tick });
	if (found !== undefined && view.selected?.tick === tick)
		setBehind(found);
}
