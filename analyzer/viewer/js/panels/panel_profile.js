/* SPDX-License-Identifier: Apache-2.0
 *
 * The panel of the profile: an icicle graph, callbacks on top and below each the functions that it
 * spent its time in. A box is as wide as the time that its samples stand for. The boxes are one
 * tree: arrows go through it, Enter zooms, Escape goes back.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDuration, formatPercent, plural } from '../format.js';
import { paragraph } from './pieces.js';

const ROW_PX = 22;
const WIDTH_LEAST = 0.001; // share of the graph below which a box is not drawn

/* What is chosen: a callback ('': all), a text, and the boxes that were zoomed to. */
let chosen = '', wanted = '', zooms = [];
/* All of the profile, what is shown of it, and the boxes that are drawn. */
let whole = null, shown = null, boxes = [];

// ---- The tree -----------------------------------------------------------------------------------

function nameOf({ kind, name, scanned }) {
	if (name === null)
		return '(other)';
	return `${scanned ? '? ' : ''}${kind ? kind + ' ' : ''}${name}`;
}

function sumOf(nodes, key) {
	return nodes.reduce((sum, node) => sum + node[key], 0);
}

/* A node with its children; these know it. */
function nodeWith(node, children) {
	const made = { ...node, children, parent: null };
	for (const child of children)
		child.parent = made;
	return made;
}

function rootOf(children) {
	return nodeWith({ label: 'All callbacks', ns: sumOf(children, 'ns'),
		samples: sumOf(children, 'samples'), className: 'all' }, children);
}

function classOf({ depth, name, script }) {
	if (name === null)
		return 'other';
	return depth === 0 ? 'callback' : script ? 'script' : 'native';
}

/* The tree of nodes that come in its order, from `at` on at one depth. */
function childrenFrom(nodes, depth, cursor) {
	const found = [];
	while (cursor.at < nodes.length && nodes[cursor.at].depth === depth) {
		const node = nodes[cursor.at++];
		found.push(nodeWith({ ...node, label: nameOf(node), className: classOf(node) },
			childrenFrom(nodes, depth + 1, cursor)));
	}
	return found;
}

/* What goes through a function of this name; null: nothing does. */
function withText(node, text) {
	if (node.label.toLowerCase().includes(text))
		return nodeWith(node, node.children.map((child) => withText(child, '')));
	const children = node.children.map((child) => withText(child, text)).filter(Boolean);
	if (children.length === 0)
		return null;
	const ns = sumOf(children, 'ns'), samples = sumOf(children, 'samples');
	return nodeWith({ ...node, ns, samples }, children);
}

function choose() {
	const callbacks = whole.children.filter((one) => chosen === '' || one.label === chosen);
	const text = wanted.trim().toLowerCase();
	shown = rootOf(callbacks.map((one) => withText(one, text)).filter(Boolean));
	zooms = [];
}

// ---- Drawing ------------------------------------------------------------------------------------

function describe(node) {
	const share = whole.ns > 0 ? node.ns / whole.ns : 0;
	const what = node.branches ? `, ${formatCount(node.branches)} merged` : '';
	const unsure = node.scanned ? '; may be left over from an earlier call' : '';
	return `${node.label}${what}: ${formatDuration(node.ns)}, ${formatPercent(share)}, ` +
		`${plural(node.samples, 'sample')}${unsure}`;
}

function boxOf(node, left, width, row, isAbove) {
	const box = element('div', {
		role: 'treeitem', tabindex: -1, class: `box ${node.className}`,
		'aria-level': row + 1, 'aria-label': describe(node),
		'aria-expanded': node.children.length > 0 ? 'true' : null,
	}, node.label);
	box.classList.toggle('above', isAbove);
	box.style.left = `${left * 100}%`;
	box.style.width = `${width * 100}%`;
	box.style.top = `${row * ROW_PX}px`;
	boxes.push({ box, node });
}

function drawBelow(node, left, width, row) {
	boxOf(node, left, width, row, false);
	for (const child of node.children) {
		const part = node.ns > 0 ? child.ns / node.ns * width : 0;
		if (part >= WIDTH_LEAST)
			drawBelow(child, left, part, row + 1);
		left += part;
	}
}

function parentsOf(node) {
	return node.parent ? [...parentsOf(node.parent), node.parent] : [];
}

function boxFor(node) {
	return boxes.find((one) => one.node === node);
}

function tell(node) {
	byId('flame-told').textContent = node ? describe(node) : '';
}

/* One box at a time is reached by the tab key. */
function makeCurrent(node) {
	for (const one of boxes)
		one.box.tabIndex = one.node === node ? 0 : -1;
	tell(node);
}

function drawGraph() {
	const zoomed = zooms.at(-1) || shown;
	const above = parentsOf(zoomed);
	boxes = [];
	above.forEach((node, row) => boxOf(node, 0, 1, row, true));
	drawBelow(zoomed, 0, 1, above.length);
	const graph = byId('flame');
	graph.style.height = `${ROW_PX *
		Math.max(...boxes.map(({ box }) => Number(box.ariaLevel)))}px`;
	fill(graph, boxes.map(({ box }) => box));
	makeCurrent(zoomed);
}

// ---- By hand ------------------------------------------------------------------------------------

function zoomTo(node) {
	if (node === (zooms.at(-1) || shown))
		return;
	zooms.push(node);
	drawGraph();
	boxFor(node).box.focus();
}

/* False: nothing was zoomed to. */
function zoomBack() {
	const left = zooms.pop();
	if (!left)
		return false;
	drawGraph();
	(boxFor(left) || boxes[0]).box.focus();
	return true;
}

function nodeAt({ target }) {
	return boxes.find((one) => one.box === target)?.node;
}

function beside(node, step) {
	const nodes = node.parent ? node.parent.children.filter(boxFor) : [];
	return nodes[nodes.indexOf(node) + step];
}

function largestOf(node) {
	return node.children.filter(boxFor).sort((a, b) => b.ns - a.ns)[0];
}

const GOES = {
	ArrowUp: (node) => node.parent,
	ArrowDown: largestOf,
	ArrowLeft: (node) => beside(node, -1),
	ArrowRight: (node) => beside(node, 1),
	Home: () => shown,
};

/* What it does not know goes on to the page's keys. */
function graphKey(event) {
	const node = nodeAt(event);
	const isTurn = event.key === 'Enter' || event.key === ' ';
	if (!node || (!GOES[event.key] && !isTurn && event.key !== 'Escape'))
		return;
	if (event.key === 'Escape' && !zoomBack())
		return;
	if (isTurn)
		zoomTo(node);
	boxFor(GOES[event.key]?.(node))?.box.focus();
	event.preventDefault();
	event.stopPropagation();
}

function makeGraph() {
	const over = (event) => tell(nodeAt(event) || zooms.at(-1) || shown);
	const focused = (event) => nodeAt(event) && makeCurrent(nodeAt(event));
	const click = (event) => nodeAt(event) && zoomTo(nodeAt(event));
	return element('div', {
		id: 'flame', role: 'tree', 'aria-label': 'Profile', onkeydown: graphKey,
		onclick: click, onpointerover: over, onfocusin: focused,
	});
}

function makeChoice() {
	const labels = [...new Set(whole.children.map((node) => node.label))];
	const turn = ({ target }) => {
		chosen = target.value;
		choose();
		drawGraph();
	};
	const option = (value, text) =>
		element('option', { value, selected: value === chosen }, text);
	return element('label', {}, 'Callback ', element('select',
		{ id: 'flame-callback', onchange: turn },
		option('', 'all'), labels.map((label) => option(label, label))));
}

function makeFilter() {
	const type = ({ target }) => {
		wanted = target.value;
		choose();
		drawGraph();
	};
	return element('label', {}, 'Function ', element('input', {
		id: 'flame-filter', type: 'text', value: wanted, placeholder: 'name or file',
		autocomplete: 'off', spellcheck: 'false', oninput: type,
	}));
}

// ---- The panel ----------------------------------------------------------------------------------

function leadText({ hz, samples }, branches) {
	const merged = branches === 0 ? '' : ' Branches that are too small to be told are merged ' +
		`into “(other)”: ${formatCount(branches)}.`;
	return `${plural(samples, 'sample')} at ${hz} Hz, which stand for ` +
		`${formatDuration(whole.ns)} in callbacks.${merged}`;
}

export function showProfile(profile, nodes) {
	whole = rootOf(childrenFrom(nodes, 0, { at: 0 }));
	if (!whole.children.some((node) => node.label === chosen))
		chosen = '';
	fill(byId('panel-profile'),
		paragraph('', leadText(profile, sumOf(nodes, 'branches'))),
		element('div', { class: 'flame-choice' }, makeChoice(), makeFilter()),
		element('p', { id: 'flame-told' }), makeGraph(),
		paragraph('more', 'Click or Enter zooms, Escape goes back, arrows move.'));
	choose();
	drawGraph();
}
