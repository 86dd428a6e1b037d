/* SPDX-License-Identifier: Apache-2.0
 *
 * Mouse and touch on the timeline and on the strip above it.
 */
import { STROKE } from '../contract.js';
import { byId } from '../dom.js';
import { change, state } from '../state.js';
import { setChosen, setDrag, view } from '../draw/view.js';
import { canvas } from '../draw/canvas.js';
import { redraw } from '../draw/frame.js';
import { GUTTER, isOnAxis, laneAt, nsOf, plotWidth, scrollBy } from '../draw/layout.js';
import { pan, show, showAround, zoom } from '../draw/range.js';
import { strokeUnder } from '../draw/hit.js';
import { stripNs } from '../draw/strip.js';
import { select } from './actions.js';
import { hideTip, showTip } from '../panels/tip.js';

const SELECTABLE = [STROKE.POLL, STROKE.WORK, STROKE.COLUMN];
const DRAG_FROM = 4; // pixels; less is a click
const LINE_HEIGHT = 24; // what a wheel means that counts lines
const WHEEL_MOST = 160;
const WHEEL_ZOOM = 0.0022, PINCH_ZOOM = 0.01;
const WHEEL_PAN = 1200; // pixels of wheel to move by what is shown

// ---- Pointers on the timeline -------------------------------------------------------------------

const pointers = new Map(); // id to [x, y]
let gesture = null;

function pointOf(event) {
	const box = event.currentTarget.getBoundingClientRect();
	return [event.clientX - box.left, event.clientY - box.top];
}

function pinchOf() {
	const [a, b] = [...pointers.values()];
	const distance = Math.hypot(a[0] - b[0], a[1] - b[1]);
	return { x: (a[0] + b[0]) / 2, distance: Math.max(10, distance) };
}

function gestureKind(event, x, y) {
	if (x < GUTTER)
		return 'scroll';
	return event.shiftKey || isOnAxis(y) ? 'select' : 'pan';
}

function pointerDown(event) {
	if (!view.process || event.button > 0)
		return;
	const [x, y] = pointOf(event);
	event.currentTarget.setPointerCapture(event.pointerId);
	pointers.set(event.pointerId, [x, y]);
	if (pointers.size === 2) {
		gesture = { kind: 'pinch', last: pinchOf() };
		return;
	}
	const kind = gestureKind(event, x, y);
	gesture = { kind, x, y, from: nsOf(x), moved: false, lastX: x, lastY: y };
}

const MOVES = {
	pinch() {
		const now = pinchOf();
		zoom(gesture.last.distance / now.distance, now.x);
		pan((gesture.last.x - now.x) / plotWidth());
		gesture.last = now;
	},
	scroll(x, y) {
		scrollBy(gesture.lastY - y);
	},
	select(x) {
		setDrag({ from: gesture.from, to: nsOf(Math.max(GUTTER, x)) });
		redraw();
	},
	pan(x, y) {
		pan((gesture.lastX - x) / plotWidth());
		scrollBy(gesture.lastY - y);
	},
};

function pointerMove(event) {
	const [x, y] = pointOf(event);
	if (!gesture) {
		if (view.process)
			showTip(event, x, y);
		return;
	}
	pointers.set(event.pointerId, [x, y]);
	const distance = Math.hypot(x - gesture.x, y - gesture.y);
	const isStill = gesture.kind !== 'pinch' && distance < DRAG_FROM;
	if (!gesture.moved && isStill)
		return;
	gesture.moved = true;
	hideTip();
	MOVES[gesture.kind](x, y);
	gesture.lastX = x;
	gesture.lastY = y;
}

function click(x, y) {
	const lane = laneAt(y);
	if (lane)
		setChosen(view.lanes.indexOf(lane));
	const stroke = strokeUnder(x, y);
	if (stroke && stroke.count > 0 && SELECTABLE.includes(stroke.type))
		select(stroke.lane.position, stroke.tick);
	else
		redraw();
}

function selectRange({ from, to }) {
	change({
		rangeFrom: Math.min(from, to), rangeTo: Math.max(from, to),
		tab: state.tab === 'selection' ? 'callbacks' : state.tab,
	});
}

function pointerUp(event) {
	pointers.delete(event.pointerId);
	if (!gesture)
		return;
	if (view.drag && gesture.moved)
		selectRange(view.drag);
	else if (!gesture.moved && gesture.kind !== 'pinch')
		click(...pointOf(event));
	setDrag(null);
	gesture = null;
	redraw();
}

function wheel(event) {
	if (!view.process)
		return;
	event.preventDefault();
	const [x] = pointOf(event), unit = event.deltaMode === 1 ? LINE_HEIGHT : 1;
	const deltaX = event.deltaX * unit, deltaY = event.deltaY * unit;
	if (x < GUTTER && !event.ctrlKey) {
		scrollBy(deltaY);
	} else if (event.shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) {
		pan((deltaX || deltaY) / WHEEL_PAN);
	} else {
		const turned = Math.max(-WHEEL_MOST, Math.min(WHEEL_MOST, deltaY));
		zoom(Math.exp(turned * (event.ctrlKey ? PINCH_ZOOM : WHEEL_ZOOM)), x);
	}
}

function doubleClick(event) {
	const [x, y] = pointOf(event);
	const stroke = strokeUnder(x, y);
	if (stroke && stroke.type === STROKE.COLUMN)
		zoom(0.1, x);
	else if (stroke)
		showAround(stroke.start_ns, stroke.end_ns);
}

// ---- The strip ----------------------------------------------------------------------------------

let stripGrip = null; // {offset}: the window is moved; {anchor}: another is drawn up

function stripDown(event) {
	if (!view.process)
		return;
	const [x] = pointOf(event), width = state.to - state.from;
	const at = stripNs(x), isInside = at >= state.from && at <= state.to;
	event.currentTarget.setPointerCapture(event.pointerId);
	if (event.shiftKey) {
		stripGrip = { anchor: at };
	} else if (isInside) {
		stripGrip = { offset: at - state.from };
	} else {
		show(at - width / 2, at + width / 2);
		stripGrip = { offset: width / 2 };
	}
}

function stripMove(event) {
	if (!stripGrip)
		return;
	const at = stripNs(pointOf(event)[0]), from = at - stripGrip.offset;
	if ('offset' in stripGrip)
		show(from, from + (state.to - state.from), 'move');
	else
		show(Math.min(at, stripGrip.anchor), Math.max(at, stripGrip.anchor), 'move');
}

function stripUp() {
	stripGrip = null;
}

export function setUpPointer() {
	const strip = byId('strip');
	canvas.addEventListener('pointerdown', pointerDown);
	canvas.addEventListener('pointermove', pointerMove);
	canvas.addEventListener('pointerup', pointerUp);
	canvas.addEventListener('pointercancel', pointerUp);
	canvas.addEventListener('pointerleave', hideTip);
	canvas.addEventListener('wheel', wheel, { passive: false });
	canvas.addEventListener('dblclick', doubleClick);
	strip.addEventListener('pointerdown', stripDown);
	strip.addEventListener('pointermove', stripMove);
	strip.addEventListener('pointerup', stripUp);
}
