/* SPDX-License-Identifier: Apache-2.0
 *
 * Light or dark, and the colours of the style sheet for what is drawn on a canvas. One owner:
 * others read `theme`.
 */

const NAMES = [
	'surface', 'plane', 'line', 'text', 'muted', 'accent', 'awake', 'lost', 'warn', 'bad',
	'select', 'chart', 'chart2', 'cpu',
];

const now = { name: 'light', colors: {}, hatch: null };

export const theme = {
	get name() { return now.name; },
	get colors() { return now.colors; }, // by the names in the style sheet
	get hatch() { return now.hatch; },   // of holes
};

function cssColor(name) {
	return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

function makeHatch() {
	const tile = document.createElement('canvas');
	tile.width = tile.height = 8;
	const drawing = tile.getContext('2d');
	drawing.strokeStyle = now.colors.lost;
	drawing.lineWidth = 1.6;
	drawing.beginPath();
	for (const shift of [-8, 0, 8]) {
		drawing.moveTo(shift, 8);
		drawing.lineTo(shift + 8, 0);
	}
	drawing.stroke();
	return drawing.createPattern(tile, 'repeat');
}

/* As the page or, where it does not say, the system wants it. */
export function readTheme() {
	const forced = document.documentElement.dataset.theme;
	const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
	now.name = forced || (isDark ? 'dark' : 'light');
	for (const name of NAMES)
		now.colors[name] = cssColor(name);
	now.hatch = makeHatch();
}

/* Text on a coloured box. */
export function labelColor() {
	return now.name === 'dark' ? '#10141b' : '#ffffff';
}
