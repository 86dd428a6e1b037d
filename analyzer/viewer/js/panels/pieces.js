/* SPDX-License-Identifier: Apache-2.0
 *
 * What the panels are made of: rows that lead somewhere, names of callbacks, sections and lists of
 * facts.
 */
import { byId, element, fill } from '../dom.js';
import { formatCount } from '../format.js';
import { siteColor } from '../draw/colors.js';
import { goToPoll } from '../control/actions.js';
import { view } from '../draw/view.js';
import { theme } from '../draw/theme.js';
import { nameAndFile } from '../draw/scripts.js';

const NAME_MOST = 48; // characters, a multiple of 3

// ---- Elements -----------------------------------------------------------------------------------

export function span(className, ...content) {
	return element('span', { class: className }, ...content);
}

export function paragraph(className, ...content) {
	return element('p', { class: className }, ...content);
}

export function item(...content) {
	return element('li', {}, ...content);
}

/* A list of items; null: there are none. */
export function listOf(className, items) {
	return items.length ? element('ol', { class: className }, items) : null;
}

const ROWS_FIRST = 50, ROWS_MORE = 200;
const rowsShown = new Map(); // by list: how many somebody wants to see

function moreRows(name, rows, shown, draw) {
	const next = Math.min(rows.length, shown + ROWS_MORE);
	const show = () => {
		rowsShown.set(name, next);
		draw();
		paintSwatches();
		byId('list-' + name).querySelector(`li:nth-child(${shown + 1}) button`)?.focus();
	};
	return paragraph('more', `${formatCount(shown)} of ${formatCount(rows.length)} are shown. `,
		actionButton(`Show ${formatCount(next - shown)} more`, show));
}

/* A list whose first rows are shown, and the rest on request. `all`: how many rows there are, of
 * which `rows` are the first, in an order that `order` names. */
export function longList(name, className, rows, itemOf, all = rows.length, order = 'longest') {
	const list = element('div', { id: 'list-' + name });
	const draw = () => {
		const shown = Math.min(rows.length, rowsShown.get(name) ?? ROWS_FIRST);
		fill(list, listOf(className, rows.slice(0, shown).map(itemOf)),
			shown < rows.length && moreRows(name, rows, shown, draw),
			shown === rows.length && all > shown && paragraph('more',
				`The ${formatCount(shown)} ${order} of ${formatCount(all)}: ` +
				'select a range to see the others.'));
	};
	draw();
	return list;
}

/* A whole row to click on. */
export function rowButton(onclick, ...content) {
	return element('button', { class: 'row', onclick }, ...content);
}

export function actionButton(label, onclick) {
	return element('button', { class: 'action', onclick }, label);
}

export function goButton(poll, ...content) {
	return rowButton(() => goToPoll(poll), ...content);
}

export function section(title, ...content) {
	return element('section', {}, element('h2', {}, title), ...content);
}

/* Pairs of a name and what it is; those that are null or empty are left out. */
export function facts(pairs) {
	return element('dl', {}, pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== '')
		.map(([key, ...value]) => [element('dt', {}, key), element('dd', {}, ...value)]));
}

// ---- Callbacks ----------------------------------------------------------------------------------

export function shortPath(path) {
	return path.split('/').pop();
}

export function place(row) {
	if (row.file)
		return `${shortPath(row.file)}:${row.line}`;
	return row.module && !row.callback.startsWith(row.module) ? row.module : '';
}

export function nameAndPlace(row) {
	return `${row.callback} ${place(row)}`.trim();
}

/* A name of C++ may be as long as a panel is high; it is told apart by both ends. */
export function shortName(name) {
	if (name.length <= NAME_MOST)
		return name;
	return `${name.slice(0, NAME_MOST * 2 / 3)}…${name.slice(1 - NAME_MOST / 3)}`;
}

export function callbackCell(row) {
	const name = shortName(row.callback);
	const title = name === row.callback ? null : row.callback;
	const text = row.in_pool ? `${name} (work)` : name;
	return [
		element('span', { class: 'name', title }, text), ' ',
		span('place', place(row)),
		row.script ? span('place script', ` in ${nameAndFile(row.script)}`) : null,
	];
}

export function callerText(row) {
	const where = row.caller_file ? ` ${shortPath(row.caller_file)}:${row.caller_line}` : '';
	return `${row.kind}, by ${shortName(row.caller)}${where}`;
}

/* The callback's colour in the timeline; paintSwatches() gives it. */
export function swatch(row) {
	const isIt = (site) => site.name === row.callback && site.module === row.module;
	const rank = view.ranks[view.process.sites.findIndex(isIt)] ?? -1;
	return element('span', { class: 'swatch', 'data-rank': rank, 'aria-hidden': 'true' });
}

export function paintSwatches() {
	for (const node of document.querySelectorAll('[data-rank]'))
		node.style.backgroundColor = siteColor(theme.name, Number(node.dataset.rank));
}
