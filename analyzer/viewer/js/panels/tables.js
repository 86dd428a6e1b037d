/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables that can be sorted by any of their columns. A column is {key, label, show(row)}; and
 * `title`, what it means; `text`: of words, not numbers; `head`: names the row; `exact(row)`: shown
 * where the pointer rests.
 */
import { byId, element } from '../dom.js';
import { formatCount, formatDuration, formatExact } from '../format.js';

/* The column that each table is sorted by, and whether up (1) or down (-1). */
const sorts = {};
const tables = {}; // by name, as they are shown
let turned = () => {};

/* Told when somebody wants a table in another order. */
export function onSort(redrawTables) {
	turned = redrawTables;
}

/* What is not known comes last. */
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

function turn(name, column) {
	const [key, direction] = sorts[name];
	const first = column.text ? 1 : -1;
	sorts[name] = [column.key, column.key === key ? -direction : first];
	turned();
	document.querySelector(`[data-table=${name}] [data-key=${column.key}]`).focus();
}

function headCell(name, column) {
	const [key, direction] = sorts[name];
	const order = column.key !== key ? 'none' : direction > 0 ? 'ascending' : 'descending';
	const arrow = { none: '', ascending: ' ▲', descending: ' ▼' }[order];
	const button = {
		onclick: () => turn(name, column),
		'data-key': column.key, title: column.title || null,
	};
	const cell = { scope: 'col', class: column.text ? 'text' : 'number', 'aria-sort': order };
	return element('th', cell,
		element('button', button, column.label,
			element('span', { 'aria-hidden': 'true' }, arrow)));
}

function bodyCell(column, row) {
	return element(column.head ? 'th' : 'td', {
		scope: column.head ? 'row' : null, class: column.text ? 'text' : 'number',
		title: column.exact ? column.exact(row) : null,
	}, column.show(row));
}

/* {keys, rows} of the first table in a panel, in the order in which it is shown; null: it has
 * none. */
export function shownTable(panel) {
	const node = byId(panel).querySelector('[data-table]');
	return node ? tables[node.dataset.table] : null;
}

/* Sorted at first by the column of this key. */
export function table(name, caption, columns, rows, [key, direction]) {
	sorts[name] ??= [key, direction];
	const sorted = [...rows].sort(compareBy(sorts[name]));
	tables[name] = { keys: columns.map((column) => column.key), rows: sorted };
	const heads = columns.map((column) => headCell(name, column));
	const lineOf = (row) => element('tr', {}, columns.map((column) => bodyCell(column, row)));
	return element('div', { class: 'table', 'data-table': name }, element('table', {},
		element('caption', {}, caption),
		element('thead', {}, element('tr', {}, heads)),
		element('tbody', {}, sorted.map(lineOf))));
}

export const durationColumn = (key, label, title) => ({
	key, label, title,
	show: (row) => formatDuration(row[key]),
	exact: (row) => (row[key] === null ? null : formatExact(row[key])),
});

export const countColumn = (key, label, title) => ({
	key, label, title,
	show: (row) => (row[key] === null ? '–' : formatCount(row[key])),
});
