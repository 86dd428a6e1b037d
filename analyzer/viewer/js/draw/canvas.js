/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline's canvas and what drawing on one wants: its size, its fonts, texts that fit, the
 * colour it has.
 *
 * Rules: all goes by CSS pixels; a canvas is as fine as the screen.
 */
import { byId } from '../dom.js';

const FAMILY = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
export const FONT = {
	normal: `12px ${FAMILY}`,
	bold: `600 12px ${FAMILY}`,
	small: `11px ${FAMILY}`,
	tiny: `9.5px ${FAMILY}`,
};

export const canvas = byId('timeline');
export const context = canvas.getContext('2d', { alpha: false });

export function sizeCanvas(target, drawing) {
	const ratio = window.devicePixelRatio || 1;
	const width = Math.round(target.clientWidth * ratio);
	const height = Math.round(target.clientHeight * ratio);
	if (target.width !== width || target.height !== height) {
		target.width = width;
		target.height = height;
	}
	drawing.setTransform(ratio, 0, 0, ratio, 0, 0);
	drawing.font = FONT.normal;
	drawing.textBaseline = 'middle';
}

/* As much of a text as fits; empty where nothing does. */
export function clipText(text, width) {
	if (context.measureText(text).width <= width)
		return text;
	let low = 0, high = text.length;
	while (low < high) {
		const middle = (low + high + 1) >> 1;
		if (context.measureText(text.slice(0, middle) + '…').width <= width)
			low = middle;
		else
			high = middle - 1;
	}
	return low > 0 ? text.slice(0, low) + '…' : '';
}

/* The context's colour: to ask the canvas what it is would take as long as a rectangle. */
let filled = null;

/* Somebody else has set the colour. */
export function forgetFill() {
	filled = null;
}

export function setFill(color) {
	if (color === filled)
		return;
	filled = color;
	context.fillStyle = color;
}

export function fillBox(color, x, y, width, height) {
	setFill(color);
	context.fillRect(x, y, width, height);
}

/* Runs draw() with nothing drawn outside of a rectangle. */
export function clipped(x, y, width, height, draw) {
	context.save();
	context.beginPath();
	context.rect(x, y, width, height);
	context.clip();
	draw();
	context.restore();
}
