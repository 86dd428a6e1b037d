/* SPDX-License-Identifier: Apache-2.0
 *
 * Mouse, touch and keys. Every action has a key; the table below is also what the help shows.
 */
import { byId, element, fill } from './dom.js';
import { formatCount, formatDuration, formatPercent, plural } from './format.js';
import { change, state } from './state.js';
import { GUTTER, STROKE, chartAt, chooseLane, fit, isOnAxis, laneAt, spanId, strokeUnder, nsOf, pan, redraw, scrollBy, show, showAround, stripNs, timeText, undoZoom, view, zoom } from './view.js';
import { clearSelection, follow, jumpInLane, jumpLong, jumpMatch, say, select, siteOf } from './actions.js';

const ZOOM_STEP = 0.7;
const PAN_STEP = 0.15;

// ---- Keys -----------------------------------------------------------------------------------------------------

const KEYS = [
	{ keys: ['w', '+', '='], help: ['W  +', 'zoom in'], run: () => zoom(ZOOM_STEP) },
	{ keys: ['s', '-'], help: ['S  −', 'zoom out'], run: () => zoom(1 / ZOOM_STEP) },
	{ keys: ['a', 'ArrowLeft'], help: ['A  ←', 'move to the left'], run: () => pan(-PAN_STEP) },
	{ keys: ['d', 'ArrowRight'], help: ['D  →', 'move to the right'], run: () => pan(PAN_STEP) },
	{ keys: ['ArrowUp'], help: ['↑', 'worker above'], run: () => chooseLane(-1) },
	{ keys: ['ArrowDown'], help: ['↓', 'worker below'], run: () => chooseLane(1) },
	{ keys: ['.'], help: ['.', 'next poll of this worker'], run: () => jumpInLane(false) },
	{ keys: [','], help: [',', 'previous poll of this worker'], run: () => jumpInLane(true) },
	{ keys: ['n'], help: ['N', 'next long poll'], run: () => jumpLong(false) },
	{ keys: ['p'], help: ['P', 'previous long poll'], run: () => jumpLong(true) },
	{ keys: ['/'], help: ['/', 'search for a callback; Enter: next, Shift+Enter: previous'], run: () => byId('search').focus() },
	{ keys: [']'], help: [']', 'next match'], run: () => jumpMatch(false) },
	{ keys: ['['], help: ['[', 'previous match'], run: () => jumpMatch(true) },
	{ keys: ['f'], help: ['F', 'fit the whole trace'], run: fit },
	{ keys: ['z', 'Enter'], help: ['Z  Enter', 'zoom to the selected poll or range'], run: zoomToSelection },
	{ keys: ['u', 'Backspace'], help: ['U  Backspace', 'undo the zoom'], run: () => undoZoom() || say('Nothing to undo') },
	{ keys: ['m'], help: ['M', 'make what is shown the range of the figures'], run: () => change({ rangeFrom: state.from, rangeTo: state.to }) },
	{ keys: ['l'], help: ['L', 'follow the selected poll’s handle or request'], run: () => (view.selected ? follow(view.selected.life_of) : say('Select a poll first')) },
	{ keys: ['c'], help: ['C', 'colours: by callback, by duration'], run: () => change({ color: state.color === 'callback' ? 'duration' : 'callback' }) },
	{ keys: ['t'], help: ['T', 'times: after the start, on the wall clock'], run: () => change({ time: state.time === 'clock' ? 'relative' : 'clock' }) },
	{ keys: ['k'], help: ['K', 'marks and spans of the program: shown, hidden'], run: () => change({ said: state.said === 'on' ? 'off' : 'on' }) },
	{ keys: ['PageUp'], help: ['Page Up', 'scroll workers up'], run: () => scrollBy(-200) },
	{ keys: ['PageDown'], help: ['Page Down', 'scroll workers down'], run: () => scrollBy(200) },
	{ keys: ['Escape'], help: ['Esc', 'select nothing'], run: clearSelection },
	{ keys: ['?'], help: ['?', 'this help'], run: () => byId('help').showModal() },
];

const MOUSE_HELP = [
	['Wheel, pinch', 'zoom at the pointer'], ['Shift + wheel', 'move'], ['Wheel over the names', 'scroll workers'], ['Drag', 'move'],
	['Shift + drag, or drag along the times', 'select a range: the panels show its figures'],
	['Click', 'select a poll, with arrows to what woke it'], ['Double click', 'zoom to a poll'], ['Drag in the strip above', 'choose what is shown'],
];

function zoomToSelection() {
	if (view.selected)
		showAround(view.selected.start_ns, view.selected.start_ns + view.selected.duration_ns);
	else if (state.rangeFrom !== null)
		show(state.rangeFrom, state.rangeTo);
	else
		say('Nothing is selected');
}

function onKey(event) {
	const at = event.target;
	const typing = at.closest && at.closest('input, select, textarea, dialog[open]');
	const onButton = at.closest && at.closest('button, [role=tab]') && (event.key === 'Enter' || event.key.startsWith('Arrow'));
	if (!view.process || typing || onButton)
		return;
	const undo = event.key === 'z' && (event.ctrlKey || event.metaKey);
	if ((event.ctrlKey || event.metaKey || event.altKey) && !undo)
		return;
	const name = undo ? 'u' : event.key.length === 1 ? event.key.toLowerCase() : event.key;
	const entry = KEYS.find((one) => one.keys.includes(name));
	if (!entry)
		return;
	event.preventDefault();
	entry.run();
}

function fillHelp() {
	const rows = (pairs) => pairs.map(([keys, text]) => [element('dt', {}, keys.split('  ').map((key, i) => [i ? ' ' : '', element('kbd', {}, key)])), element('dd', {}, text)]);
	fill(byId('help-keys'), rows(KEYS.map((entry) => entry.help)));
	fill(byId('help-mouse'), MOUSE_HELP.map(([what, text]) => [element('dt', {}, what), element('dd', {}, text)]));
}

// ---- Tooltip --------------------------------------------------------------------------------------------------

function spanLines(stroke) {
	if (stroke.count > 1)
		return [[`${formatCount(stroke.count)} spans`, `within ${formatDuration(stroke.longest)}; too close to be drawn each`], ['at', timeText(stroke.start, 1000)]];
	return [[view.process.names[stroke.site], spanId(stroke)], ['', `${formatDuration(stroke.longest)}${stroke.flags ? ', no end in the trace' : ''}`], ['at', timeText(stroke.start, 1000)]];
}

function strokeLines(stroke) {
	if (stroke.type === STROKE.PARK)
		return [['Parked', `${formatDuration(stroke.longest)}${stroke.lane.worker.role === 'loop' ? `, woken by ${formatCount(stroke.object)} ready` : ''}`]];
	if (stroke.type === STROKE.HOLE)
		return [[stroke.flags ? 'Events missing' : 'Events lost', `${formatCount(stroke.object)} within ${formatDuration(stroke.end - stroke.start)}`]];
	if (stroke.type === STROKE.CPU)
		return [['Kernel', `waited ${formatDuration(stroke.longest)} for a CPU (${formatPercent(stroke.busy)}), on a CPU ${formatPercent(stroke.parked)}`]];
	if (stroke.type === STROKE.SPAN)
		return spanLines(stroke);
	if (stroke.type === STROKE.MARK)
		return [[view.process.names[stroke.site], `${stroke.value}${stroke.count > 1 ? `, and ${plural(stroke.count - 1, 'mark')} more in this pixel` : ''}`], ['at', timeText(stroke.start, 1000)]];
	const site = siteOf(stroke);
	if (stroke.type === STROKE.COLUMN) {
		const share = [[formatCount(stroke.count) + (stroke.count === 1 ? ' poll' : ' polls'), `busy ${formatPercent(stroke.busy)} of this pixel’s ${formatDuration(stroke.end - stroke.start)}`]];
		return stroke.count ? [...share, ['Longest', `${formatDuration(stroke.longest)} ${site.text}`]] : [['Parked', formatPercent(stroke.parked)]];
	}
	return [[site.kind + (stroke.type === STROKE.WORK ? ' work' : ''), formatDuration(stroke.longest)], ['', site.text], ['at', timeText(stroke.start, 1000)]];
}

function placeTip(tip, event) {
	const box = byId('timeline').getBoundingClientRect();
	tip.style.left = Math.max(4, Math.min(event.clientX + 14, box.right - tip.offsetWidth - 8)) + 'px';
	tip.style.top = Math.min(event.clientY + 16, window.innerHeight - tip.offsetHeight - 8) + 'px';
}

function showTip(event, x, y) {
	const tip = byId('tip');
	const stroke = strokeUnder(x, y), chart = chartAt(x, y);
	const lines = stroke ? strokeLines(stroke) : chart ? [[chart.chart.label, formatCount(chart.value)], ...(chart.under === null ? [] : [[chart.chart.under, formatCount(chart.under)]]), ['at', timeText(nsOf(x), 1000)]] : null;
	tip.hidden = !lines;
	if (!lines)
		return;
	fill(tip, lines.map(([key, text]) => element('div', {}, element('b', {}, key), ' ', text)));
	placeTip(tip, event);
}

// ---- Pointer --------------------------------------------------------------------------------------------------

const pointers = new Map();
let gesture = null;

function pointOf(event) {
	const box = event.currentTarget.getBoundingClientRect();
	return [event.clientX - box.left, event.clientY - box.top];
}

function pinchOf() {
	const [a, b] = [...pointers.values()];
	return { x: (a[0] + b[0]) / 2, distance: Math.max(10, Math.hypot(a[0] - b[0], a[1] - b[1])) };
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
	const selects = event.shiftKey || isOnAxis(y);
	gesture = { kind: x < GUTTER ? 'scroll' : selects ? 'select' : 'pan', x, y, from: nsOf(x), moved: false, lastX: x, lastY: y };
}

const MOVES = {
	pinch() {
		const now = pinchOf();
		zoom(gesture.last.distance / now.distance, now.x);
		pan((gesture.last.x - now.x) / Math.max(1, byId('timeline').clientWidth - GUTTER));
		gesture.last = now;
	},
	scroll(x, y) {
		scrollBy(gesture.lastY - y);
	},
	select(x) {
		view.drag = { from: gesture.from, to: nsOf(Math.max(GUTTER, x)) };
		redraw();
	},
	pan(x, y) {
		pan((gesture.lastX - x) / Math.max(1, byId('timeline').clientWidth - GUTTER));
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
	if (!gesture.moved && gesture.kind !== 'pinch' && Math.hypot(x - gesture.x, y - gesture.y) < 4)
		return;
	gesture.moved = true;
	byId('tip').hidden = true;
	MOVES[gesture.kind](x, y);
	gesture.lastX = x;
	gesture.lastY = y;
}

function click(x, y) {
	const lane = laneAt(y);
	if (lane)
		view.chosen = view.lanes.indexOf(lane);
	const stroke = strokeUnder(x, y);
	if (stroke && stroke.count > 0 && stroke.type <= STROKE.COLUMN && stroke.type !== STROKE.PARK)
		select(stroke.lane.position, stroke.tick);
	else
		redraw();
}

function pointerUp(event) {
	pointers.delete(event.pointerId);
	if (!gesture)
		return;
	const [x, y] = pointOf(event);
	if (view.drag && gesture.moved) {
		const { from, to } = view.drag;
		change({ rangeFrom: Math.min(from, to), rangeTo: Math.max(from, to), tab: state.tab === 'selection' ? 'callbacks' : state.tab });
	} else if (!gesture.moved && gesture.kind !== 'pinch') {
		click(x, y);
	}
	view.drag = null;
	gesture = null;
	redraw();
}

function wheel(event) {
	if (!view.process)
		return;
	event.preventDefault();
	const [x] = pointOf(event);
	const unit = event.deltaMode === 1 ? 24 : 1;
	if (x < GUTTER && !event.ctrlKey)
		scrollBy(event.deltaY * unit);
	else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
		pan(((event.deltaX || event.deltaY) * unit) / 1200);
	else
		zoom(Math.exp(Math.max(-160, Math.min(160, event.deltaY * unit)) * (event.ctrlKey ? 0.01 : 0.0022)), x);
}

function doubleClick(event) {
	const [x, y] = pointOf(event);
	const stroke = strokeUnder(x, y);
	if (stroke && stroke.type === STROKE.COLUMN)
		zoom(0.1, x);
	else if (stroke)
		showAround(stroke.start, stroke.end);
}

// ---- The strip ------------------------------------------------------------------------------------------------

let stripGrip = null;

function stripDown(event) {
	if (!view.process)
		return;
	const [x] = pointOf(event);
	const at = stripNs(x), inside = at >= state.from && at <= state.to;
	event.currentTarget.setPointerCapture(event.pointerId);
	stripGrip = inside && !event.shiftKey ? { offset: at - state.from } : { anchor: at };
	if (!inside && !event.shiftKey)
		show(at - (state.to - state.from) / 2, at + (state.to - state.from) / 2);
	if (!inside && !event.shiftKey)
		stripGrip = { offset: (state.to - state.from) / 2, anchor: at, x };
}

function stripMove(event) {
	if (!stripGrip)
		return;
	const at = stripNs(pointOf(event)[0]);
	if ('offset' in stripGrip)
		show(at - stripGrip.offset, at - stripGrip.offset + (state.to - state.from), 'move');
	else
		show(Math.min(at, stripGrip.anchor), Math.max(at, stripGrip.anchor), 'move');
}

export function setUpInput() {
	const canvas = byId('timeline'), strip = byId('strip');
	document.addEventListener('keydown', onKey);
	canvas.addEventListener('pointerdown', pointerDown);
	canvas.addEventListener('pointermove', pointerMove);
	canvas.addEventListener('pointerup', pointerUp);
	canvas.addEventListener('pointercancel', pointerUp);
	canvas.addEventListener('pointerleave', () => {
		byId('tip').hidden = true;
	});
	canvas.addEventListener('wheel', wheel, { passive: false });
	canvas.addEventListener('dblclick', doubleClick);
	strip.addEventListener('pointerdown', stripDown);
	strip.addEventListener('pointermove', stripMove);
	strip.addEventListener('pointerup', () => {
		stripGrip = null;
	});
	fillHelp();
}
