/* SPDX-License-Identifier: Apache-2.0
 *
 * What blocked the loops, of all stall samples of the range: an icicle graph of their stacks, the
 * functions by their own time, and of a chosen one who called it and whom it called.
 *
 * Rules: a sample stands for as long as analyze_trace says (stands_for_ns, as in --collapsed); what
 * it saw is its functions, outermost first, and the system call or lock that it slept in.
 */
import { byId, element, fill } from '../dom.js';
import { formatDuration, plural } from '../format.js';
import { paragraph, rowButton, section, span } from './pieces.js';
import { countColumn, durationColumn, table } from './tables.js';
import { Flame, childrenFrom, rootOf } from './flame.js';

const FUNCTIONS_SHOWN = 50;
const SLEEPS = ['syscall', 'lock'];

export const stallFlame = new Flame('stall-flame', 'Stacks of stall samples');
const callers = new Flame('callers-flame', 'Who called it');
export const callees = new Flame('callees-flame', 'Whom it called');
let paths = [], chosenFunction = null;

// ---- Stacks -------------------------------------------------------------------------------------

function frameOf({ function: name, scanned, script }) {
	return { name, scanned: Boolean(scanned), script: Boolean(script), kind: null };
}

/* {ns, frames}, outermost first, of one sample. */
function pathOf(stall) {
	const { kind, callback, frames, what, cause } = stall;
	const path = [{ kind, name: callback, scanned: false, script: false },
		...[...frames].reverse().map(frameOf)];
	if (SLEEPS.includes(cause))
		path.push({ ...frameOf({ function: what || 'unknown' }) });
	return { ns: stall.stands_for_ns, frames: path };
}

/* Nodes of all paths that go the same way, a row below its parent, the longest first. */
function nodesOf(all, depth = 0) {
	const groups = new Map();
	for (const path of all) {
		const frame = path.frames[depth];
		if (!frame)
			continue;
		const key = `${frame.kind} ${frame.name} ${frame.scanned}`;
		if (!groups.has(key))
			groups.set(key, { frame, paths: [], ns: 0 });
		groups.get(key).paths.push(path);
		groups.get(key).ns += path.ns;
	}
	return [...groups.values()].sort((a, b) => b.ns - a.ns).flatMap((group) => [
		{ ...group.frame, depth, ns: group.ns, samples: group.paths.length, branches: 0 },
		...nodesOf(group.paths, depth + 1),
	]);
}

function treeOf(all, label) {
	return rootOf(childrenFrom(nodesOf(all), 0, { at: 0 }), label);
}

// ---- Functions ----------------------------------------------------------------------------------

/* By name: time that it was innermost, and time that it was in the stack at all. */
function functionRows() {
	const rows = new Map();
	for (const { ns, frames } of paths) {
		const names = frames.slice(1).map(({ name }) => name);
		for (const name of new Set(names)) {
			const row = rows.get(name) || { name, own_ns: 0, all_ns: 0, samples: 0 };
			row.all_ns += ns;
			row.own_ns += names.at(-1) === name ? ns : 0;
			row.samples++;
			rows.set(name, row);
		}
	}
	return [...rows.values()].sort((a, b) => b.own_ns - a.own_ns || b.all_ns - a.all_ns);
}

function chooseFunction(name) {
	chosenFunction = name === chosenFunction ? null : name;
	fill(byId('sandwich'), sandwich());
	drawSandwich();
	for (const button of document.querySelectorAll('[data-function]'))
		button.ariaPressed = String(button.dataset.function === chosenFunction);
}

function functionButton({ name }) {
	const button = rowButton(() => chooseFunction(name), span('name', name));
	button.dataset.function = name;
	button.ariaPressed = String(name === chosenFunction);
	return button;
}

const FUNCTION_COLUMNS = [
	{ key: 'name', label: 'Function', text: true, head: true, show: functionButton },
	durationColumn('own_ns', 'Own', 'it was the innermost function that is known'),
	durationColumn('all_ns', 'All', 'it was somewhere in the stack'),
	countColumn('samples', 'Samples'),
];

// ---- The sandwich -------------------------------------------------------------------------------

/* Paths from a function on: inwards, or outwards. */
function pathsFrom(name, outwards) {
	return paths.map(({ ns, frames }) => {
		const at = frames.findIndex((frame, i) => i > 0 && frame.name === name);
		if (at < 0)
			return null;
		const before = frames.slice(0, at).reverse();
		return { ns, frames: outwards ? before : frames.slice(at + 1) };
	}).filter(Boolean);
}

/* A root is as wide as all of its time: some paths end there. */
function sandwichTree(outwards) {
	const from = pathsFrom(chosenFunction, outwards);
	const tree = treeOf(from, chosenFunction);
	tree.ns = from.reduce((sum, { ns }) => sum + ns, 0);
	tree.samples = from.length;
	return tree;
}

function sandwich() {
	if (chosenFunction === null)
		return null;
	return [
		element('h2', {}, `Who called ${chosenFunction}`),
		callers.elements(sandwichTree(true)),
		element('h2', {}, `Whom ${chosenFunction} called`),
		callees.elements(sandwichTree(false)),
	];
}

function drawSandwich() {
	if (chosenFunction === null)
		return;
	callers.show();
	callees.show();
}

// ---- All of it ----------------------------------------------------------------------------------

/* null: no sample has a stack. drawStallGraph() follows once it is in the page. */
export function stallGraph(stalls) {
	paths = stalls.map(pathOf).filter(({ ns }) => ns > 0);
	const rows = functionRows();
	if (!rows.some(({ name }) => name === chosenFunction))
		chosenFunction = null;
	if (rows.length === 0) {
		paths = [];
		return null;
	}
	const whole = treeOf(paths, 'All samples');
	return [
		section('Where the time went',
			paragraph('', `${plural(paths.length, 'sample')}, which stand for ` +
				`${formatDuration(whole.ns)}.`), stallFlame.elements(whole)),
		table('functions', 'Functions that samples saw, by their own time; ' +
			'one shows who called it and whom it called', FUNCTION_COLUMNS,
		rows.slice(0, FUNCTIONS_SHOWN), ['own_ns', -1]),
		element('div', { id: 'sandwich' }, sandwich()),
		element('h2', {}, 'Sample by sample'),
	];
}

export function drawStallGraph() {
	if (paths.length === 0)
		return;
	stallFlame.show();
	drawSandwich();
}
