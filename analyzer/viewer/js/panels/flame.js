/* SPDX-License-Identifier: Apache-2.0
 *
 * An icicle graph: callbacks on top and below each the functions that it spent its time in, of the
 * profile or of stall samples; or who calls a function, and whom it calls. A box is as wide as the
 * time that its samples stand for. The boxes are one tree: arrows go through it, Enter zooms,
 * Escape goes back.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount, formatDuration, formatPercent, plural } from '../format.js';

const ROW_PX = 22;
const WIDTH_LEAST = 0.001; // share of the graph below which a box is not drawn

// ---- The tree -----------------------------------------------------------------------------------

function nameOf({ kind, name, scanned }) {
	if (name === null)
		return '(other)';
	return `${scanned ? '? ' : ''}${kind ? kind + ' ' : ''}${name}`;
}

export function sumOf(nodes, key) {
	return nodes.reduce((sum, node) => sum + node[key], 0);
}

/* A node with its children; these know it. */
export function nodeWith(node, children) {
	const made = { ...node, children, parent: null };
	for (const child of children)
		child.parent = made;
	return made;
}

export function rootOf(children, label = 'All callbacks') {
	return nodeWith({ label, ns: sumOf(children, 'ns'),
		samples: sumOf(children, 'samples'), className: 'all' }, children);
}

function classOf({ depth, name, script }) {
	if (name === null)
		return 'other';
	return depth === 0 ? 'callback' : script ? 'script' : 'native';
}

/* The tree of nodes that come in its order, from `at` on at one depth. */
export function childrenFrom(nodes, depth, cursor) {
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

function parentsOf(node) {
	return node.parent ? [...parentsOf(node.parent), node.parent] : [];
}

/* One graph. `id` names its elements; `label` is what it is called. */
export class Flame {
	constructor(id, label) {
		/* Chosen: a callback ('': all), a text, and the boxes that were zoomed to. */
		Object.assign(this, { id, label, chosen: '', wanted: '', zooms: [] });
		/* All of it, what is shown of it, and the boxes that are drawn. */
		Object.assign(this, { whole: null, shown: null, boxes: [] });
	}

	choose() {
		const { chosen, wanted } = this;
		const callbacks = this.whole.children
			.filter((one) => chosen === '' || one.label === chosen);
		const text = wanted.trim().toLowerCase();
		this.shown = rootOf(callbacks.map((one) => withText(one, text)).filter(Boolean),
			this.whole.label);
		this.zooms = [];
	}

	// ---- Drawing ----

	describe(node) {
		const share = this.whole.ns > 0 ? node.ns / this.whole.ns : 0;
		const what = node.branches ? `, ${formatCount(node.branches)} merged` : '';
		const unsure = node.scanned ? '; may be left over from an earlier call' : '';
		return `${node.label}${what}: ${formatDuration(node.ns)}, ` +
			`${formatPercent(share)}, ${plural(node.samples, 'sample')}${unsure}`;
	}

	boxOf(node, left, width, row, isAbove) {
		const box = element('div', {
			role: 'treeitem', tabindex: -1, class: `box ${node.className}`,
			'aria-level': row + 1, 'aria-label': this.describe(node),
			'aria-expanded': node.children.length > 0 ? 'true' : null,
		}, node.label);
		box.classList.toggle('above', isAbove);
		box.style.left = `${left * 100}%`;
		box.style.width = `${width * 100}%`;
		box.style.top = `${row * ROW_PX}px`;
		this.boxes.push({ box, node });
	}

	drawBelow(node, left, width, row) {
		this.boxOf(node, left, width, row, false);
		for (const child of node.children) {
			const part = node.ns > 0 ? child.ns / node.ns * width : 0;
			if (part >= WIDTH_LEAST)
				this.drawBelow(child, left, part, row + 1);
			left += part;
		}
	}

	boxFor(node) {
		return this.boxes.find((one) => one.node === node);
	}

	tell(node) {
		byId(`${this.id}-told`).textContent = node ? this.describe(node) : '';
	}

	/* One box at a time is reached by the tab key. */
	makeCurrent(node) {
		for (const one of this.boxes)
			one.box.tabIndex = one.node === node ? 0 : -1;
		this.tell(node);
	}

	draw() {
		const zoomed = this.zooms.at(-1) || this.shown;
		const above = parentsOf(zoomed);
		this.boxes = [];
		above.forEach((node, row) => this.boxOf(node, 0, 1, row, true));
		this.drawBelow(zoomed, 0, 1, above.length);
		const graph = byId(this.id);
		graph.style.height = `${ROW_PX *
			Math.max(...this.boxes.map(({ box }) => Number(box.ariaLevel)))}px`;
		fill(graph, this.boxes.map(({ box }) => box));
		this.makeCurrent(zoomed);
	}

	// ---- By hand ----

	zoomTo(node) {
		if (node === (this.zooms.at(-1) || this.shown))
			return;
		this.zooms.push(node);
		this.draw();
		this.boxFor(node).box.focus();
	}

	/* False: nothing was zoomed to. */
	zoomBack() {
		const left = this.zooms.pop();
		if (!left)
			return false;
		this.draw();
		(this.boxFor(left) || this.boxes[0]).box.focus();
		return true;
	}

	nodeAt({ target }) {
		return this.boxes.find((one) => one.box === target)?.node;
	}

	beside(node, step) {
		const nodes = node.parent
			? node.parent.children.filter((one) => this.boxFor(one)) : [];
		return nodes[nodes.indexOf(node) + step];
	}

	largestOf(node) {
		return node.children.filter((one) => this.boxFor(one))
			.sort((a, b) => b.ns - a.ns)[0];
	}

	goal(key, node) {
		return {
			ArrowUp: () => node.parent, ArrowDown: () => this.largestOf(node),
			ArrowLeft: () => this.beside(node, -1),
			ArrowRight: () => this.beside(node, 1), Home: () => this.shown,
		}[key];
	}

	/* What it does not know goes on to the page's keys. */
	key(event) {
		const node = this.nodeAt(event);
		const isTurn = event.key === 'Enter' || event.key === ' ';
		const goal = node && this.goal(event.key, node);
		if (!node || (!goal && !isTurn && event.key !== 'Escape'))
			return;
		if (event.key === 'Escape' && !this.zoomBack())
			return;
		if (isTurn)
			this.zoomTo(node);
		this.boxFor(goal?.())?.box.focus();
		event.preventDefault();
		event.stopPropagation();
	}

	// ---- Its elements ----

	graph() {
		const over = (event) =>
			this.tell(this.nodeAt(event) || this.zooms.at(-1) || this.shown);
		const focused = (event) =>
			this.nodeAt(event) && this.makeCurrent(this.nodeAt(event));
		const click = (event) => this.nodeAt(event) && this.zoomTo(this.nodeAt(event));
		return element('div', {
			id: this.id, class: 'flame', role: 'tree', 'aria-label': this.label,
			onkeydown: (event) => this.key(event),
			onclick: click, onpointerover: over, onfocusin: focused,
		});
	}

	change(values) {
		Object.assign(this, values);
		this.choose();
		this.draw();
	}

	choice() {
		const labels = [...new Set(this.whole.children.map((node) => node.label))];
		const option = (value, text) =>
			element('option', { value, selected: value === this.chosen }, text);
		return element('label', {}, 'Callback ', element('select', {
			id: `${this.id}-callback`,
			onchange: ({ target }) => this.change({ chosen: target.value }),
		}, option('', 'all'), labels.map((label) => option(label, label))));
	}

	filter() {
		return element('label', {}, 'Function ', element('input', {
			id: `${this.id}-filter`, type: 'text', value: this.wanted,
			placeholder: 'name or file', autocomplete: 'off', spellcheck: 'false',
			oninput: ({ target }) => this.change({ wanted: target.value }),
		}));
	}

	/* All of a graph, to be put into the page before show(). */
	elements(whole) {
		this.whole = whole;
		if (!whole.children.some((node) => node.label === this.chosen))
			this.chosen = '';
		return [
			element('div', { class: 'flame-choice' }, this.choice(), this.filter()),
			element('p', { id: `${this.id}-told`, class: 'told' }), this.graph(),
		];
	}

	show() {
		this.choose();
		this.draw();
	}
}
