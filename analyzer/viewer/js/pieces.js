/* SPDX-License-Identifier: Apache-2.0
 *
 * What the panels are made of: rows that lead to a poll, sections, lists of facts, and tables that can be sorted.
 */
import { element } from './dom.js';
import { formatCount, formatDuration, formatExact } from './format.js';
import { siteColor } from './colors.js';
import { goToPoll } from './actions.js';
import { view } from './view.js';

const NAME_MOST = 48; // characters, a multiple of 3

// ---- Small parts ----------------------------------------------------------------------------------------------

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
function shortName(name) {
	return name.length > NAME_MOST ? `${name.slice(0, NAME_MOST * 2 / 3)}…${name.slice(1 - NAME_MOST / 3)}` : name;
}

export function callbackCell(row) {
	const name = shortName(row.callback);
	return [element('span', { class: 'name', title: name === row.callback ? null : row.callback }, row.in_pool ? `${name} (work)` : name), ' ',
		element('span', { class: 'place' }, place(row))];
}

export function callerText(row) {
	return `${row.kind}, by ${shortName(row.caller)}${row.caller_file ? ` ${shortPath(row.caller_file)}:${row.caller_line}` : ''}`;
}

export function swatch(row) {
	const site = view.process.sites.findIndex((one) => one.name === row.callback && one.module === row.module);
	return element('span', { class: 'swatch', 'data-rank': view.ranks[site] ?? -1, 'aria-hidden': 'true' });
}

export function paintSwatches() {
	for (const node of document.querySelectorAll('.swatch'))
		node.style.background = siteColor(view.theme, Number(node.dataset.rank));
}

export function goButton(poll, ...content) {
	return element('button', { class: 'row', onclick: () => goToPoll(poll) }, ...content);
}

export function section(title, ...content) {
	return element('section', {}, element('h2', {}, title), ...content);
}

export function facts(pairs) {
	return element('dl', {}, pairs.filter((pair) => pair && pair[1] !== null && pair[1] !== '')
		.map(([key, ...value]) => [element('dt', {}, key), element('dd', {}, ...value)]));
}

// ---- Tables ---------------------------------------------------------------------------------------------------

function compareBy([key, direction]) {
	return (a, b) => {
		const x = a[key], y = b[key];
		if (x === y)
			return 0;
		if (x === null || y === null)
			return x === null ? 1 : -1;
		return (x < y ? -1 : 1) * direction;
	};
}

/* The column that each table is sorted by, and whether up (1) or down (-1). */
const sorts = {};
let turned = () => {};

/* Told when somebody wants a table in another order. */
export function onSort(redrawTables) {
	turned = redrawTables;
}

function headCell(name, column) {
	const [key, direction] = sorts[name];
	const sorted = column.key === key;
	const turn = () => {
		sorts[name] = [column.key, sorted ? -direction : column.text ? 1 : -1];
		turned();
		document.querySelector(`[data-table=${name}] [data-key=${column.key}]`).focus();
	};
	return element('th', { scope: 'col', class: column.text ? 'text' : 'number', 'aria-sort': sorted ? (direction > 0 ? 'ascending' : 'descending') : 'none' },
		element('button', { onclick: turn, 'data-key': column.key, title: column.title || null }, column.label, element('span', { 'aria-hidden': 'true' }, sorted ? (direction > 0 ? ' ▲' : ' ▼') : '')));
}

/* Rows sorted at first by the given column, the greatest on top; a column's `exact` is shown where the pointer rests. */
export function table(name, caption, columns, rows, [key, direction]) {
	sorts[name] ??= [key, direction];
	const sorted = [...rows].sort(compareBy(sorts[name]));
	return element('div', { class: 'table', 'data-table': name }, element('table', {}, element('caption', {}, caption),
		element('thead', {}, element('tr', {}, columns.map((column) => headCell(name, column)))),
		element('tbody', {}, sorted.map((row) => element('tr', {}, columns.map((column) =>
			element(column.head ? 'th' : 'td', { scope: column.head ? 'row' : null, class: column.text ? 'text' : 'number', title: column.exact ? column.exact(row) : null }, column.show(row))))))));
}

export const durationColumn = (key, label, title) => ({
	key, label, title, show: (row) => formatDuration(row[key]),
	exact: (row) => (row[key] === null ? null : formatExact(row[key])),
});

export const countColumn = (key, label, title) => ({ key, label, title, show: (row) => (row[key] === null ? '–' : formatCount(row[key])) });
