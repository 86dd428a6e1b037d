/* SPDX-License-Identifier: Apache-2.0
 *
 * What is shown of a trace, and what is selected in it: all that does not stand in the URL (that is
 * state.js).
 *
 * Rules: this module owns it. Others read `view`, where an assignment throws, and change it by the
 * functions below.
 */

const ofProcess = () => ({
	process: null,    // what the second thread told of the one that is shown
	ranks: [],        // by site, for its colour
	nameRanks: [],    // by name of spans and marks
	drawn: null,      // {strokes, ends, charts, from, to, columns}
	overview: null,   // {busy, worst, columns} of the whole trace
	selected: null,   // the poll, in detail
	life: null,       // of the followed object
	wakes: [],        // of the selected poll
	transaction: null, // that is shown, with its steps
	steps: new Set(), // its polls and its work on the pool, by stepKey()
	behind: null,     // who waited behind the selected poll: {count, waited_ns, list}
	runs: null,       // of a callback: {key, site, inPool, rows, seen, ns}
	iterations: null, // {rows, seen, ns}
	iteration: null,  // the one that is shown, with its callbacks
});

const held = {
	...ofProcess(),
	trace: null,      // what was opened: {processes, problems, bytes}
	lanes: [],        // those shown: {worker, position, top, height, depth, band}
	row: 30,          // height of a lane's polls
	lanesHeight: 0,   // of all lanes
	chosen: 0,        // the lane that the keys act on
	scroll: 0,
	drag: null,       // {from, to} while a range is being selected
};

export const view = {
	get trace() { return held.trace; },
	get process() { return held.process; },
	get ranks() { return held.ranks; },
	get nameRanks() { return held.nameRanks; },
	get drawn() { return held.drawn; },
	get overview() { return held.overview; },
	get selected() { return held.selected; },
	get life() { return held.life; },
	get wakes() { return held.wakes; },
	get transaction() { return held.transaction; },
	get behind() { return held.behind; },
	get runs() { return held.runs; },
	get iterations() { return held.iterations; },
	get iteration() { return held.iteration; },
	get lanes() { return held.lanes; },
	get row() { return held.row; },
	get lanesHeight() { return held.lanesHeight; },
	get chosen() { return held.chosen; },
	get scroll() { return held.scroll; },
	get drag() { return held.drag; },
};

/* What a box of a loop is: in tier "libc" the callbacks of an iteration cannot be told apart. */
export function runWord() {
	return held.process.report.tier === 'libc' ? 'iteration' : 'run';
}

let selectionChanged = () => {};
let runsChanged = () => {};

/* Told when another poll is selected, or another object followed. */
export function onSelection(listener) {
	selectionChanged = listener;
}

/* Told when other runs, or iterations, are there. */
export function onRuns(listener) {
	runsChanged = listener;
}

// ---- Changes ------------------------------------------------------------------------------------

export function setTrace(trace) {
	held.trace = trace;
}

/* Nothing is shown until setProcess(). */
export function leaveProcess() {
	Object.assign(held, ofProcess());
}

/* Ranks: by site and by name, of the colours. */
export function setProcess(process, ranks, nameRanks) {
	Object.assign(held, { process, ranks, nameRanks });
}

export function setLanes(lanes, row, lanesHeight) {
	held.lanes = lanes;
	held.row = row;
	held.lanesHeight = lanesHeight;
	setChosen(held.chosen);
}

/* The lane of this number, or the nearest that there is. */
export function setChosen(index) {
	held.chosen = Math.max(0, Math.min(held.lanes.length - 1, index));
}

export function setScroll(pixels) {
	held.scroll = pixels;
}

export function setDrawn(drawn) {
	held.drawn = drawn;
}

export function setOverview(overview) {
	held.overview = overview;
}

export function setDrag(range) {
	held.drag = range;
}

/* What the second thread told of a poll; null: none is selected. */
export function setSelected(detail) {
	held.selected = detail;
	held.wakes = detail ? detail.wakes : [];
	held.behind = null;
	selectionChanged();
}

function stepKey(worker, tick) {
	return `${worker} ${tick}`;
}

/* What the second thread told of a transaction; null: none is shown. */
export function setTransaction(transaction) {
	held.transaction = transaction;
	held.steps = new Set();
	for (const { worker, tick, work } of transaction ? transaction.steps : []) {
		held.steps.add(stepKey(worker, tick));
		if (work)
			held.steps.add(stepKey(work.worker, work.tick));
	}
	selectionChanged();
}

/* Whether a poll, or work on the pool, is part of the shown transaction. */
export function isStep(worker, tick) {
	return held.steps.has(stepKey(worker, tick));
}

/* Who waited behind the selected poll; null: that is not known. */
export function setBehind(behind) {
	held.behind = behind;
	selectionChanged();
}

export function setRuns(runs) {
	held.runs = runs;
	runsChanged();
}

export function setIterations(iterations) {
	held.iterations = iterations;
	runsChanged();
}

export function setIteration(iteration) {
	held.iteration = iteration;
	runsChanged();
}

export function setLife(life) {
	held.life = life;
	selectionChanged();
}
