/* SPDX-License-Identifier: Apache-2.0
 *
 * When the timeline is drawn: redraw() asks for it, once a frame at most.
 */
import { view } from './view.js';

const KEPT = 600;

export const frameMs = []; // how long drawing the last ones took

let isWanted = false;
let drawFrame = () => {};

export function onFrame(draw) {
	drawFrame = draw;
}

export function redraw() {
	if (isWanted || !view.process)
		return;
	isWanted = true;
	requestAnimationFrame(() => {
		isWanted = false;
		const before = performance.now();
		drawFrame();
		frameMs.push(performance.now() - before);
		if (frameMs.length > KEPT)
			frameMs.shift();
	});
}
