/* SPDX-License-Identifier: Apache-2.0
 *
 * Colours of polls: by callback (those that ran longest in all have one of their own) or by
 * duration. Every colour is told apart from its background by 3:1 at least, and carries text of
 * 4.5:1.
 */

const CALLBACK_COLORS = {
	light: [
		'#2f6fd6', '#c2570c', '#12805c', '#8d4bc4', '#a8730a', '#0e7a94', '#bb3f75',
		'#55801d', '#5d5fd3', '#8a5a44',
	],
	dark: [
		'#6ea8fe', '#f79a5e', '#4cc9a0', '#c295f2', '#e8b84a', '#54c3dd', '#f08bb6',
		'#a0cf5c', '#9d9ffb', '#cf9f88',
	],
};
const OTHER_COLORS = { light: '#6b7280', dark: '#9ca3af' };
const DURATION_COLORS = {
	light: ['#4d7c9e', '#1f7a5a', '#b36b00', '#c92a2a'],
	dark: ['#7ba7c7', '#56c596', '#f2b134', '#ff6b6b'],
};
export const DURATION_NAMES = ['≤ 10 µs', '≤ 100 µs', '≤ 1 ms', '> 1 ms'];

/* Site by site the rank of its callback: those with the longest totals come first. */
export function rankSites(sites, callbacks) {
	const ranks = new Map();
	for (const row of callbacks) {
		const key = row.callback + '\n' + row.module;
		if (!ranks.has(key))
			ranks.set(key, ranks.size);
	}
	return sites.map((site) => ranks.get(site.name + '\n' + site.module) ?? -1);
}

/* Likewise names of spans. */
export function rankNames(names, spans) {
	const byTotal = [...spans].sort((a, b) => b.total_ns - a.total_ns).map((row) => row.name);
	return names.map((name) => Math.max(0, byTotal.indexOf(name)));
}

export function durationClass(ns) {
	return ns <= 10e3 ? 0 : ns <= 100e3 ? 1 : ns <= 1e6 ? 2 : 3;
}

export function siteColor(theme, rank) {
	const colors = CALLBACK_COLORS[theme];
	return rank >= 0 && rank < colors.length ? colors[rank] : OTHER_COLORS[theme];
}

/* Spans by the rank of their name, begun elsewhere: the first are not of the colours of the
 * polls below them. */
export function spanColor(theme, rank) {
	const colors = CALLBACK_COLORS[theme];
	return colors[(rank + 3) % colors.length];
}

export function durationColor(theme, ns) {
	return DURATION_COLORS[theme][durationClass(ns)];
}
