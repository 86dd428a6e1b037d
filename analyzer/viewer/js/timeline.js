/* SPDX-License-Identifier: Apache-2.0
 *
 * The timeline as a picture: lanes, charts, axis and the strip above. The second thread hands over strokes for a range
 * somewhat wider than the view; until newer ones come, these are drawn wherever the view has moved.
 *
 * Rules: one frame draws what is there and never waits. All of it goes by CSS pixels; the canvas is as fine as the
 * screen.
 */
import { announce, byId } from './dom.js';
import { durationColor, siteColor, spanColor } from './colors.js';
import { formatClock, formatCount, formatDuration, formatOffset } from './format.js';
import { ask } from './remote.js';
import { change, state } from './state.js';

export const STROKE = { POLL: 0, WORK: 1, PARK: 2, COLUMN: 3, HOLE: 4, CPU: 5, SPAN: 6, MARK: 7 };
const STROKE_BYTES = 64;
const AXIS_HEIGHT = 28;
const LANE_LEAST = 26, LANE_MOST = 64;
const NESTED_HEIGHT = 11;
const CPU_HEIGHT = 5;
const SPAN_HEIGHT = 12, MARK_HEIGHT = 9;
const LANE_GAP = 9;
const CHART_HEIGHT = 40;
const CHART_GAP = 8;
export const GUTTER = 176;
const MARGIN = 0.5; // of the view's width, drawn on either side
const VIEW_MIN_NS = 200;
const CHARTS = [
	{ label: 'pool queued', under: 'pool running', values: 'queued', underValues: 'running' },
	{ label: 'active requests', values: 'requests' },
	{ label: 'ready fds', values: 'ready' },
];

export const view = {
	process: null, // what the second thread told of it
	lanes: [],     // those shown: {worker, position, top, height, depth}
	chosen: 0,     // lane that the keys act on
	scroll: 0,
	row: 30,       // height of a lane's polls
	drawn: null,   // strokes and their range
	overview: null,
	wakes: [],     // of the selected poll
	life: null,    // of the followed object
	hover: null,
	drag: null,    // {from, to} while a range is being selected
	theme: 'light',
	colors: {},
	frameMs: [],
};

let canvas, context, strip, stripContext;
let wanted = false, asking = false, askAgain = false;
let hatch = null;

// ---- Geometry -------------------------------------------------------------------------------------------------

export function plotWidth() {
	return Math.max(1, canvas.clientWidth - GUTTER);
}

export function xOf(ns) {
	return GUTTER + ((ns - state.from) / (state.to - state.from)) * plotWidth();
}

export function nsOf(x) {
	return state.from + ((x - GUTTER) / plotWidth()) * (state.to - state.from);
}

function chartsHeight() {
	return CHARTS.length * (CHART_HEIGHT + CHART_GAP) + CHART_GAP;
}

function lanesBottom() {
	return canvas.clientHeight - chartsHeight();
}

export function hiddenWorkers() {
	return new Set(state.hidden.split(',').filter(Boolean).map(Number));
}

/* What lies above the polls of a lane: marks, then spans. */
function bandHeight(worker) {
	return state.said === 'on' ? (worker.has_marks ? MARK_HEIGHT : 0) + worker.span_rows * SPAN_HEIGHT : 0;
}

/* Few lanes share the room that there is; many are scrolled. */
function rowHeight(lanes) {
	const nested = lanes.reduce((sum, lane) => sum + lane.band + lane.depth * NESTED_HEIGHT + CPU_HEIGHT + LANE_GAP, LANE_GAP);
	const room = (lanesBottom() - AXIS_HEIGHT - nested) / Math.max(1, lanes.length);
	return Math.floor(Math.min(LANE_MOST, Math.max(LANE_LEAST, room)));
}

export function layOut() {
	const hidden = hiddenWorkers();
	let top = AXIS_HEIGHT + LANE_GAP;
	view.lanes = view.process.workers
		.map((worker, position) => ({ worker, position, depth: Math.min(worker.depth, 5), band: bandHeight(worker) }))
		.filter(({ worker }) => !hidden.has(worker.worker) && (worker.role !== 'other' || worker.events > 0));
	view.row = rowHeight(view.lanes);
	for (const lane of view.lanes) {
		lane.top = top + lane.band;
		lane.height = view.row + lane.depth * NESTED_HEIGHT + CPU_HEIGHT;
		top += lane.band + lane.height + LANE_GAP;
	}
	view.lanesHeight = top;
	view.chosen = Math.min(view.chosen, Math.max(0, view.lanes.length - 1));
	scrollBy(0);
}

export function scrollBy(pixels) {
	const most = Math.max(0, view.lanesHeight - lanesBottom());
	view.scroll = Math.min(most, Math.max(0, view.scroll + pixels));
	redraw();
}

export function laneAt(y) {
	if (y < AXIS_HEIGHT || y > lanesBottom())
		return null;
	const at = y + view.scroll;
	return view.lanes.find((lane) => at >= lane.top - lane.band && at < lane.top + lane.height) || null;
}

export function isOnAxis(y) {
	return y < AXIS_HEIGHT;
}

export function laneOfPosition(position) {
	return view.lanes.find((lane) => lane.position === position) || null;
}

// ---- The view's range -----------------------------------------------------------------------------------------

const past = [];
const STEP_MS = 600; // movements that follow each other sooner are one
let lastMoved = -STEP_MS;

function limits() {
	const { start_ns: start, end_ns: end } = view.process;
	const slack = Math.max((end - start) * 0.02, 1000);
	return [start - slack, end + slack];
}

function remember(kind) {
	const now = performance.now();
	if (kind === 'jump' || (kind === 'move' && now - lastMoved > STEP_MS))
		past.push([state.from, state.to]);
	lastMoved = kind === 'move' ? now : -STEP_MS;
}

/* Shows a range; undoZoom() goes back. `kind`: 'jump'; 'move', of which those that follow each other are undone
 * together; 'undo'. */
export function show(from, to, kind = 'jump') {
	const [first, last] = limits();
	const width = Math.min(last - first, Math.max(VIEW_MIN_NS, to - from));
	const middle = (from + to) / 2;
	from = Math.min(Math.max(middle - width / 2, first), last - width);
	if (state.from !== null)
		remember(kind);
	change({ from, to: from + width });
}

export function undoZoom() {
	const before = past.pop();
	if (before)
		show(before[0], before[1], 'undo');
	return Boolean(before);
}

export function zoom(factor, x) {
	const at = x === undefined ? (state.from + state.to) / 2 : nsOf(x);
	show(at - (at - state.from) * factor, at + (state.to - at) * factor, 'move');
}

export function pan(share) {
	const by = (state.to - state.from) * share;
	show(state.from + by, state.to + by, 'move');
}

export function fit() {
	const [first, last] = limits();
	show(first, last);
}

/* A stretch of time in the middle of the view, with room around it. */
export function showAround(from, to) {
	const width = Math.max((to - from) * 3, 20000);
	const middle = (from + to) / 2;
	show(middle - width / 2, middle + width / 2);
}

// ---- Asking for strokes -----------------------------------------------------------------------------------------

async function refresh() {
	if (asking) {
		askAgain = true;
		return;
	}
	asking = true;
	const width = state.to - state.from;
	const columns = Math.ceil(plotWidth() * (1 + 2 * MARGIN));
	try {
		const drawn = await ask('draw', { from: state.from - width * MARGIN, to: state.to + width * MARGIN, columns, said: state.said === 'on' });
		if (drawn)
			takeStrokes(drawn);
	} finally {
		asking = false;
	}
	if (askAgain) {
		askAgain = false;
		refresh();
	}
}

function takeStrokes(drawn) {
	drawn.floats = new Float64Array(drawn.strokes);
	drawn.words = new Uint32Array(drawn.strokes);
	drawn.singles = new Float32Array(drawn.strokes);
	drawn.bytes = new Uint8Array(drawn.strokes);
	view.drawn = drawn;
	redraw();
}

export function strokeAt(index) {
	const { floats, words, singles, bytes } = view.drawn;
	return {
		start: floats[index * 8], end: floats[index * 8 + 1], tick: floats[index * 8 + 2],
		longest: floats[index * 8 + 3], object: floats[index * 8 + 4],
		count: words[index * 16 + 10], site: words[index * 16 + 11],
		busy: singles[index * 16 + 12], parked: singles[index * 16 + 13],
		value: BigInt(words[index * 16 + 12]) | (BigInt(words[index * 16 + 13]) << 32n), // of marks, and spans' ids
		type: bytes[index * STROKE_BYTES + 56], depth: bytes[index * STROKE_BYTES + 57], flags: bytes[index * STROKE_BYTES + 58],
	};
}

function isSaid(type) {
	return type === STROKE.SPAN || type === STROKE.MARK;
}

/* The mark or span under a point of the band above a lane's polls. */
function saidUnder(lane, y, ns, slack) {
	const row = Math.floor((y + view.scroll - lane.top + lane.worker.span_rows * SPAN_HEIGHT) / SPAN_HEIGHT);
	let best = null;
	for (let i = lane.position ? view.drawn.ends[lane.position - 1] : 0; i < view.drawn.ends[lane.position]; i++) {
		const stroke = strokeAt(i);
		if (!isSaid(stroke.type) || ns < stroke.start - 2 * slack || ns > stroke.end + 2 * slack)
			continue;
		if (stroke.type === STROKE.MARK ? row < 0 : stroke.depth === row)
			best = { ...stroke, lane };
	}
	return best;
}

/* The stroke under a point: what is nested deepest, what is a poll rather than what it lies in. */
export function strokeUnder(x, y) {
	const lane = laneAt(y);
	if (!lane || !view.drawn || x < GUTTER)
		return null;
	const ns = nsOf(x), slack = ((state.to - state.from) / plotWidth()) * 1.5;
	const depth = Math.floor((y + view.scroll - lane.top - view.row) / NESTED_HEIGHT) + 1;
	const onCpu = y + view.scroll >= lane.top + lane.height - CPU_HEIGHT - 1;
	if (y + view.scroll < lane.top)
		return saidUnder(lane, y, ns, slack);
	let best = null, bestRank = -1;
	for (let i = lane.position ? view.drawn.ends[lane.position - 1] : 0; i < view.drawn.ends[lane.position]; i++) {
		const stroke = strokeAt(i);
		if (ns < stroke.start - slack || ns > stroke.end + slack)
			continue;
		if ((stroke.type === STROKE.CPU) !== onCpu || isSaid(stroke.type))
			continue;
		const inside = ns >= stroke.start && ns <= stroke.end ? 2 : 0;
		const isPoll = stroke.type !== STROKE.PARK && stroke.type !== STROKE.HOLE && stroke.count > 0 ? 4 : 0;
		const rank = inside + isPoll + (stroke.depth === Math.max(0, depth) ? 1 : 0);
		if (rank > bestRank) {
			best = { ...stroke, lane };
			bestRank = rank;
		}
	}
	return best;
}

async function refreshOverview() {
	const width = Math.max(64, strip.clientWidth - GUTTER);
	const { start_ns: start, end_ns: end } = view.process;
	view.overview = summarize(await ask('overview', { from: start, to: end, columns: width }), width);
	redraw();
}

/* Per column of the whole trace: how busy its workers were on average, and the worst poll. */
function summarize(drawn, columns) {
	const { start_ns: start, end_ns: end } = view.process;
	const busy = new Float32Array(columns), worst = new Float64Array(columns), lanes = view.process.workers.length;
	const floats = new Float64Array(drawn.strokes), singles = new Float32Array(drawn.strokes), bytes = new Uint8Array(drawn.strokes);
	const scale = columns / (end - start);
	for (let i = 0; i < bytes.length / STROKE_BYTES; i++) {
		const type = bytes[i * STROKE_BYTES + 56];
		if ((type > STROKE.WORK && type !== STROKE.COLUMN) || bytes[i * STROKE_BYTES + 57] > 0)
			continue;
		const from = Math.max(0, Math.round((floats[i * 8] - start) * scale));
		const to = Math.min(columns, Math.max(from + 1, Math.round((floats[i * 8 + 1] - start) * scale)));
		for (let at = from; at < to; at++) {
			busy[at] += singles[i * 16 + 12] / lanes;
			worst[at] = Math.max(worst[at], floats[i * 8 + 3]);
		}
	}
	return { busy, worst, columns };
}

// ---- Drawing --------------------------------------------------------------------------------------------------

function cssColor(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function makeHatch() {
	const tile = document.createElement('canvas');
	tile.width = tile.height = 8;
	const drawing = tile.getContext('2d');
	drawing.strokeStyle = view.colors.lost;
	drawing.lineWidth = 1.6;
	drawing.beginPath();
	for (const shift of [-8, 0, 8]) {
		drawing.moveTo(shift, 8);
		drawing.lineTo(shift + 8, 0);
	}
	drawing.stroke();
	return context.createPattern(tile, 'repeat');
}

export function readTheme() {
	const forced = document.documentElement.dataset.theme;
	view.theme = forced || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
	for (const name of ['surface', 'plane', 'line', 'text', 'muted', 'accent', 'awake', 'lost', 'warn', 'bad', 'select', 'chart', 'chart2', 'cpu'])
		view.colors[name] = cssColor('--' + name);
	hatch = makeHatch();
	redraw();
}

export function colorOf(stroke) {
	if (state.color === 'duration')
		return durationColor(view.theme, stroke.longest);
	return siteColor(view.theme, view.ranks[stroke.site] ?? -1);
}

export function redraw() {
	if (wanted || !view.process)
		return;
	wanted = true;
	requestAnimationFrame(() => {
		wanted = false;
		const before = performance.now();
		drawAll();
		view.frameMs.push(performance.now() - before);
		if (view.frameMs.length > 600)
			view.frameMs.shift();
	});
}

function sizeCanvas(target, drawing) {
	const ratio = window.devicePixelRatio || 1;
	const width = Math.round(target.clientWidth * ratio), height = Math.round(target.clientHeight * ratio);
	if (target.width !== width || target.height !== height) {
		target.width = width;
		target.height = height;
	}
	drawing.setTransform(ratio, 0, 0, ratio, 0, 0);
	drawing.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	drawing.textBaseline = 'middle';
}

function drawAll() {
	if (state.from === null)
		return;
	sizeCanvas(canvas, context);
	context.fillStyle = view.colors.plane;
	context.fillRect(0, 0, canvas.clientWidth, canvas.clientHeight);
	drawGrid();
	context.save();
	context.beginPath();
	context.rect(0, AXIS_HEIGHT, canvas.clientWidth, lanesBottom() - AXIS_HEIGHT);
	context.clip();
	context.translate(0, -view.scroll);
	view.lanes.forEach(drawLane);
	drawOff();
	drawArrows();
	context.restore();
	drawScrollbar();
	drawCharts();
	drawAxis();
	drawRange();
	drawStrip();
}

const STEPS = [1, 2, 5];

/* A step between ticks that leaves about `pixels` between them. */
function tickStep(pixels) {
	const least = ((state.to - state.from) / plotWidth()) * pixels;
	const power = 10 ** Math.floor(Math.log10(least));
	return power * (STEPS.find((step) => step * power >= least) || 10);
}

function eachTick(step, take) {
	for (let at = Math.ceil(state.from / step) * step; at <= state.to; at += step)
		take(Math.round(xOf(at)) + 0.5, at);
}

function drawGrid() {
	context.strokeStyle = view.colors.line;
	context.lineWidth = 1;
	context.beginPath();
	eachTick(tickStep(110), (x) => {
		context.moveTo(x, AXIS_HEIGHT);
		context.lineTo(x, canvas.clientHeight);
	});
	context.stroke();
}

export function timeText(ns, step) {
	return state.time === 'clock' ? formatClock(ns, view.process.startRealNs, step) : formatOffset(ns, step);
}

function drawAxis() {
	const step = tickStep(110);
	context.fillStyle = view.colors.surface;
	context.fillRect(0, 0, canvas.clientWidth, AXIS_HEIGHT);
	context.fillStyle = view.colors.muted;
	context.textAlign = 'left';
	context.fillText(formatDuration(state.to - state.from) + ' shown', 12, AXIS_HEIGHT / 2);
	context.textAlign = 'center';
	eachTick(step, (x, at) => {
		if (x > GUTTER + 30 && x < canvas.clientWidth - 30)
			context.fillText(timeText(at, step), x, AXIS_HEIGHT / 2);
	});
	context.textAlign = 'left';
	context.fillStyle = view.colors.line;
	context.fillRect(0, AXIS_HEIGHT - 1, canvas.clientWidth, 1);
}

function clipText(text, width) {
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

function drawLaneLabel(lane, index) {
	const { worker } = lane;
	const middle = lane.top + view.row / 2;
	if (index === view.chosen && document.activeElement === canvas) {
		context.fillStyle = view.colors.accent;
		context.fillRect(2, lane.top, 3, lane.height);
	}
	context.fillStyle = view.colors.text;
	context.font = '600 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	const head = `${worker.worker} ${worker.role === 'other' ? 'other threads' : worker.role}`;
	context.fillText(head, 12, middle - 7);
	context.font = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	context.fillStyle = view.colors.muted;
	const lost = worker.lost + worker.missing;
	const tier = view.process.report.tier === 'libc' && worker.role === 'loop' ? 'waits only (libc tier)' : null;
	const below = lost > 0 ? `${formatCount(lost)} events lost` : tier || worker.name;
	if (lost > 0)
		context.fillStyle = view.colors.bad;
	context.fillText(clipText(below, GUTTER - 22), 12, middle + 8);
	context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
}

function drawLane(lane, index) {
	if (lane.top + lane.height < view.scroll + AXIS_HEIGHT || lane.top > view.scroll + lanesBottom())
		return;
	const { worker } = lane;
	const from = Math.max(GUTTER, xOf(worker.start_ns)), to = Math.min(canvas.clientWidth, xOf(worker.end_ns));
	context.save();
	context.beginPath();
	context.rect(GUTTER, lane.top - lane.band, plotWidth(), lane.band + lane.height);
	context.clip();
	context.fillStyle = view.colors.surface;
	context.fillRect(from, lane.top, to - from, view.row);
	if (worker.role !== 'other') {
		context.fillStyle = view.colors.awake;
		context.fillRect(from, lane.top, to - from, view.row);
	}
	if (view.drawn)
		drawStrokes(lane);
	drawSelected(lane);
	context.restore();
	drawLaneLabel(lane, index);
}

const IS_POLL = { [STROKE.POLL]: true, [STROKE.WORK]: true, [STROKE.COLUMN]: true };

function drawStrokes(lane) {
	const { floats, words, singles, bytes, ends } = view.drawn;
	const first = lane.position ? ends[lane.position - 1] : 0, last = ends[lane.position];
	const scale = plotWidth() / (state.to - state.from), right = canvas.clientWidth;
	const labels = [], flagged = [];
	filled = null;
	for (let i = first; i < last; i++) {
		let x = GUTTER + (floats[i * 8] - state.from) * scale;
		let end = GUTTER + (floats[i * 8 + 1] - state.from) * scale;
		if (end < GUTTER || x > right)
			continue;
		const type = bytes[i * STROKE_BYTES + 56];
		x = Math.max(x, GUTTER - 2);
		end = Math.min(end, right + 2);
		if (type === STROKE.COLUMN)
			drawColumn(lane, i, x, Math.max(end - x, 1));
		else if (type === STROKE.PARK)
			fillBox(view.colors.surface, x, lane.top, end - x, view.row);
		else if (type === STROKE.HOLE)
			drawHole(lane, x, Math.max(end - x, 3));
		else if (type === STROKE.CPU)
			drawCpu(lane, singles[i * 16 + 12], x, end - x);
		else if (type === STROKE.SPAN)
			drawSpan(lane, i, x, end - x);
		else if (type === STROKE.MARK)
			drawMark(lane, x);
		else
			drawPoll(lane, i, x, end - x, labels);
		if (IS_POLL[type] && floats[i * 8 + 3] >= state.long && words[i * 16 + 10] > 0)
			flagged.push(Math.max(x, GUTTER));
	}
	drawLabels(labels);
	drawFlags(lane, flagged);
}

/* Of what drawStrokes() draws: asking the canvas what its colour is would take as long as a rectangle. */
let filled = null;

function setFill(color) {
	if (color === filled)
		return;
	filled = color;
	context.fillStyle = color;
}

function fillBox(color, x, y, width, height) {
	setFill(color);
	context.fillRect(x, y, width, height);
}

function rowTop(lane, depth) {
	return depth === 0 ? lane.top : lane.top + view.row + (Math.min(depth, lane.depth) - 1) * NESTED_HEIGHT;
}

function strokeColor(i) {
	const { floats, words } = view.drawn;
	if (state.color === 'duration')
		return durationColor(view.theme, floats[i * 8 + 3]);
	return siteColor(view.theme, view.ranks[words[i * 16 + 11]] ?? -1);
}

/* Many polls in one pixel: as high as the worker was busy, in the colour of the longest. */
function drawColumn(lane, i, x, width) {
	const { words, singles, bytes } = view.drawn;
	const depth = bytes[i * STROKE_BYTES + 57], parked = singles[i * 16 + 13];
	const height = depth === 0 ? view.row : NESTED_HEIGHT - 1, top = rowTop(lane, depth);
	if (depth === 0 && parked > 0.01)
		fillBox(view.colors.surface, x, top, width, view.row * parked);
	if (words[i * 16 + 10] === 0)
		return;
	const share = Math.max(0.12, singles[i * 16 + 12]);
	fillBox(strokeColor(i), x, top + height * (1 - share), width, height * share);
}

function drawPoll(lane, i, x, width, labels) {
	const { words, bytes } = view.drawn;
	const depth = bytes[i * STROKE_BYTES + 57];
	const height = depth === 0 ? view.row : NESTED_HEIGHT - 1, top = rowTop(lane, depth);
	const gap = width > 4 ? 0.75 : 0;
	fillBox(strokeColor(i), x, top, width - gap, height);
	if (bytes[i * STROKE_BYTES + 58])
		drawTorn(x + width - gap, top, height, width);
	if (width > 34 && depth === 0)
		labels.push([view.process.sites[words[i * 16 + 11]].name, Math.max(x, GUTTER), Math.min(width, x + width - GUTTER), top, bytes[i * STROKE_BYTES + 56]]);
}

/* A span of the program, or several that share a pixel or overlap. */
function drawSpan(lane, i, x, width) {
	const { words, bytes } = view.drawn;
	const name = words[i * 16 + 11], count = words[i * 16 + 10];
	const top = lane.top - (lane.worker.span_rows - bytes[i * STROKE_BYTES + 57]) * SPAN_HEIGHT;
	fillBox(spanColor(view.theme, view.nameRanks[name]), x, top, Math.max(1, width - (width > 4 ? 0.75 : 0)), SPAN_HEIGHT - 2);
	if (bytes[i * STROKE_BYTES + 58])
		drawTorn(x + width, top, SPAN_HEIGHT - 2, width);
	const left = Math.max(x, GUTTER), room = Math.min(x + width, canvas.clientWidth) - left - 8;
	if (room < 28)
		return;
	context.font = '9.5px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	setFill(labelColor());
	context.fillText(clipText(count > 1 ? `${formatCount(count)} spans` : `${view.process.names[name]} ${spanId(strokeAt(i))}`, room), left + 4, top + SPAN_HEIGHT / 2 - 0.5);
	context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
}

export function spanId(stroke) {
	return '0x' + stroke.value.toString(16);
}

function drawMark(lane, x) {
	const top = lane.top - lane.band;
	setFill(view.colors.select);
	context.beginPath();
	context.moveTo(x, top + MARK_HEIGHT - 1);
	context.lineTo(x - 3.5, top + 1);
	context.lineTo(x + 3.5, top + 1);
	context.fill();
}

/* Text on a coloured box. */
function labelColor() {
	return view.theme === 'dark' ? '#10141b' : '#ffffff';
}

/* A poll whose end nobody saw: its right side is torn. */
function drawTorn(x, top, height, width) {
	if (width < 8)
		return;
	setFill(view.colors.plane);
	context.beginPath();
	context.moveTo(x + 1, top);
	for (let y = 0; y <= height; y += 6) {
		context.lineTo(x - 5, top + y + 3);
		context.lineTo(x + 1, top + y + 6);
	}
	context.fill();
}

function drawLabels(labels) {
	setFill(labelColor());
	for (const [name, x, width, top, type] of labels) {
		const text = clipText(type === STROKE.WORK ? name + ' (work)' : name, width - 10);
		if (text)
			context.fillText(text, x + 5, top + view.row / 2 + 0.5);
	}
}

/* Long polls, however small they are drawn. */
function drawFlags(lane, flagged) {
	setFill(view.colors.bad);
	let last = -10;
	for (const x of flagged.sort((a, b) => a - b)) {
		if (x - last < 5)
			continue;
		last = x;
		context.beginPath();
		context.moveTo(x - 4, lane.top);
		context.lineTo(x + 5, lane.top);
		context.lineTo(x + 0.5, lane.top + 6);
		context.fill();
	}
}

function drawHole(lane, x, width) {
	setFill(view.colors.plane);
	context.fillRect(x, lane.top, width, view.row);
	setFill(hatch);
	context.fillRect(x, lane.top, width, view.row);
}

/* The strip below a lane: how much the kernel let it wait for a CPU. */
function drawCpu(lane, waiting, x, width) {
	if (waiting < 0.005)
		return;
	context.globalAlpha = 0.12 + 0.88 * Math.min(1, waiting);
	fillBox(view.colors.cpu, x, lane.top + lane.height - CPU_HEIGHT + 1, width, CPU_HEIGHT - 1);
	context.globalAlpha = 1;
}

function drawOff() {
	const { off } = view.process;
	for (let i = 0; i + 1 < off.length; i += 2) {
		const x = Math.max(GUTTER, xOf(off[i])), end = Math.min(canvas.clientWidth, xOf(off[i + 1]));
		if (end <= x)
			continue;
		context.globalAlpha = 0.8;
		context.fillStyle = view.colors.plane;
		context.fillRect(x, view.scroll, end - x, canvas.clientHeight);
		context.globalAlpha = 1;
		context.fillStyle = view.colors.muted;
		if (end - x > 90)
			context.fillText('recording off', x + 6, view.scroll + AXIS_HEIGHT + 14);
	}
}

function drawSelected(lane) {
	const selected = view.selected;
	if (!selected || selected.worker !== lane.position)
		return;
	const x = xOf(selected.start_ns), width = Math.max(3, xOf(selected.start_ns + selected.duration_ns) - x);
	const depth = Math.min(selected.depth, 5);
	context.strokeStyle = view.colors.text;
	context.lineWidth = 2;
	context.strokeRect(x + 0.5, rowTop(lane, depth) + 1, width - 1, (depth === 0 ? view.row : NESTED_HEIGHT) - 2);
	context.lineWidth = 1;
}

function drawArrow(fromX, fromY, toX, toY) {
	const bend = Math.max(16, Math.min(90, Math.abs(toX - fromX) / 2));
	context.beginPath();
	context.moveTo(fromX, fromY);
	context.bezierCurveTo(fromX + bend, fromY, toX - bend, toY, toX - 6, toY);
	context.stroke();
	context.beginPath();
	context.moveTo(toX, toY);
	context.lineTo(toX - 8, toY - 4.5);
	context.lineTo(toX - 8, toY + 4.5);
	context.fill();
	context.beginPath();
	context.arc(fromX, fromY, 3, 0, 7);
	context.fill();
}

function drawArrows() {
	context.save();
	context.beginPath();
	context.rect(GUTTER, view.scroll, plotWidth(), canvas.clientHeight);
	context.clip();
	context.strokeStyle = context.fillStyle = view.colors.text;
	context.lineWidth = 1.75;
	for (const wake of view.wakes) {
		const from = laneOfPosition(wake.from_worker), to = laneOfPosition(wake.to_worker);
		if (from && to)
			drawArrow(xOf(wake.from_ns), from.top + view.row / 2, xOf(wake.to_ns), to.top + view.row / 2);
	}
	drawLife();
	context.restore();
}

/* The followed object: a thread from event to event. */
function drawLife() {
	if (!view.life)
		return;
	const scale = plotWidth() / (state.to - state.from);
	context.strokeStyle = context.fillStyle = view.colors.select;
	context.lineWidth = 1.5;
	context.beginPath();
	let before = null;
	for (const event of view.life.events) {
		const lane = laneOfPosition(event.worker);
		if (!lane)
			continue;
		const x = GUTTER + (event.start_ns - state.from) * scale, y = lane.top + view.row / 2;
		if (before && !(before[0] < GUTTER && x < GUTTER) && !(before[0] > canvas.clientWidth && x > canvas.clientWidth)) {
			context.moveTo(before[0], before[1]);
			context.lineTo(x, y);
		}
		before = [x, y];
	}
	context.stroke();
	let last = -10;
	for (const event of view.life.events) {
		const lane = laneOfPosition(event.worker);
		const x = GUTTER + (event.start_ns - state.from) * scale;
		if (!lane || x < GUTTER - 5 || x > canvas.clientWidth + 5 || Math.abs(x - last) < 2)
			continue;
		last = x;
		context.fillRect(x - 3, lane.top + view.row / 2 - 3, 6, 6);
	}
}

function drawScrollbar() {
	const shown = lanesBottom() - AXIS_HEIGHT, all = view.lanesHeight - AXIS_HEIGHT;
	if (all <= shown)
		return;
	context.fillStyle = view.colors.muted;
	context.fillRect(GUTTER - 6, AXIS_HEIGHT + (view.scroll / all) * shown, 4, Math.max(20, (shown / all) * shown));
}

// ---- Charts ---------------------------------------------------------------------------------------------------

function chartRange() {
	const { from, to, columns } = view.drawn;
	const width = (to - from) / columns;
	return [Math.max(0, Math.floor((state.from - from) / width)), Math.min(columns, Math.ceil((state.to - from) / width))];
}

function drawSteps(values, most, top, color) {
	const { from, to, columns } = view.drawn;
	const [first, last] = chartRange();
	const scale = plotWidth() / (state.to - state.from), step = ((to - from) / columns) * scale;
	let x = GUTTER + (from + ((to - from) / columns) * first - state.from) * scale;
	context.fillStyle = color;
	for (let i = first; i < last; i++, x += step) {
		const height = (values[i] / most) * CHART_HEIGHT;
		if (height > 0)
			context.fillRect(x, top + CHART_HEIGHT - height, step + 0.3, height);
	}
}

function greatest(values) {
	const [first, last] = chartRange();
	let most = 0;
	for (let i = first; i < last; i++)
		most = Math.max(most, values[i]);
	return most;
}

function drawChart(chart, top) {
	const charts = view.drawn.charts;
	const sum = chart.underValues
		? charts[chart.values].map((value, i) => value + charts[chart.underValues][i])
		: charts[chart.values];
	const most = Math.max(1, greatest(sum));
	context.save();
	context.beginPath();
	context.rect(GUTTER, top - 1, plotWidth(), CHART_HEIGHT + 2);
	context.clip();
	drawSteps(sum, most, top, view.colors.chart);
	if (chart.underValues)
		drawSteps(charts[chart.underValues], most, top, view.colors.chart2);
	context.restore();
	context.fillStyle = view.colors.line;
	context.fillRect(GUTTER, top + CHART_HEIGHT, plotWidth(), 1);
	context.fillStyle = view.colors.text;
	context.font = '600 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	context.fillText(chart.label, 12, top + 9);
	context.font = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	context.fillStyle = view.colors.muted;
	context.fillText(chart.under ? `over ${chart.under}` : 'most in view', 12, top + 25);
	context.textAlign = 'right';
	context.fillText(formatCount(greatest(sum)), GUTTER - 8, top + 9);
	context.textAlign = 'left';
	context.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
}

function drawCharts() {
	const top = lanesBottom();
	context.fillStyle = view.colors.plane;
	context.fillRect(0, top, GUTTER, chartsHeight());
	context.fillStyle = view.colors.line;
	context.fillRect(0, top, canvas.clientWidth, 1);
	if (view.drawn)
		CHARTS.forEach((chart, i) => drawChart(chart, top + CHART_GAP + i * (CHART_HEIGHT + CHART_GAP)));
}

export function chartAt(x, y) {
	const index = Math.floor((y - lanesBottom() - CHART_GAP) / (CHART_HEIGHT + CHART_GAP));
	if (!view.drawn || x < GUTTER || index < 0 || index >= CHARTS.length)
		return null;
	const { from, to, columns, charts } = view.drawn;
	const column = Math.floor(((nsOf(x) - from) / (to - from)) * columns);
	const chart = CHARTS[index];
	return { chart, value: charts[chart.values][column], under: chart.underValues ? charts[chart.underValues][column] : null };
}

// ---- Range and strip ------------------------------------------------------------------------------------------

function drawRange() {
	const range = view.drag || (state.rangeFrom !== null ? { from: state.rangeFrom, to: state.rangeTo } : null);
	if (!range)
		return;
	const x = Math.max(GUTTER, xOf(Math.min(range.from, range.to)));
	const end = Math.min(canvas.clientWidth, xOf(Math.max(range.from, range.to)));
	if (end < GUTTER || x > canvas.clientWidth)
		return;
	context.globalAlpha = 0.14;
	context.fillStyle = view.colors.accent;
	context.fillRect(x, 0, end - x, canvas.clientHeight);
	context.globalAlpha = 1;
	context.fillRect(x - 1, 0, 2, canvas.clientHeight);
	context.fillRect(end - 1, 0, 2, canvas.clientHeight);
	const text = formatDuration(Math.abs(range.to - range.from));
	const width = context.measureText(text).width + 12;
	if (end - x > width) {
		context.fillRect((x + end - width) / 2, 4, width, AXIS_HEIGHT - 9);
		context.fillStyle = view.colors.surface;
		context.textAlign = 'center';
		context.fillText(text, (x + end) / 2, AXIS_HEIGHT / 2);
		context.textAlign = 'left';
	}
}

export function stripNs(x) {
	const { start_ns: start, end_ns: end } = view.process;
	return start + ((x - GUTTER) / (strip.clientWidth - GUTTER)) * (end - start);
}

function stripX(ns) {
	const { start_ns: start, end_ns: end } = view.process;
	return GUTTER + ((ns - start) / (end - start)) * (strip.clientWidth - GUTTER);
}

function drawStrip() {
	const drawing = stripContext, height = strip.clientHeight;
	sizeCanvas(strip, drawing);
	drawing.fillStyle = view.colors.surface;
	drawing.fillRect(0, 0, strip.clientWidth, height);
	drawing.fillStyle = view.colors.text;
	drawing.fillText('Whole trace', 12, height / 2 - 8);
	drawing.fillStyle = view.colors.muted;
	drawing.font = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
	drawing.fillText('busy, and the worst poll', 12, height / 2 + 8);
	if (view.overview)
		drawStripColumns(drawing, height);
	const x = Math.max(GUTTER, stripX(state.from)), end = Math.min(strip.clientWidth, stripX(state.to));
	drawing.fillStyle = view.colors.plane;
	drawing.globalAlpha = 0.62;
	drawing.fillRect(GUTTER, 0, x - GUTTER, height);
	drawing.fillRect(end, 0, strip.clientWidth - end, height);
	drawing.globalAlpha = 1;
	drawing.fillStyle = view.colors.accent;
	drawing.fillRect(x - 1, 0, 2, height);
	drawing.fillRect(end - 1, 0, 2, height);
	drawing.fillRect(x, 0, Math.max(2, end - x), 2);
	drawing.fillRect(x, height - 2, Math.max(2, end - x), 2);
}

/* The worst poll by the logarithm of its duration: 1 µs at the bottom, 1 s at the top. */
function drawStripColumns(drawing, height) {
	const { busy, worst, columns } = view.overview;
	const step = (strip.clientWidth - GUTTER) / columns;
	drawing.fillStyle = view.colors.chart;
	for (let i = 0; i < columns; i++)
		drawing.fillRect(GUTTER + i * step, height - busy[i] * (height - 8), step + 0.3, busy[i] * (height - 8));
	for (let i = 0; i < columns; i++) {
		if (worst[i] <= 0)
			continue;
		const level = Math.min(1, Math.max(0, Math.log10(worst[i] / 1e3) / 6));
		const isLong = worst[i] >= state.long;
		drawing.fillStyle = isLong ? view.colors.bad : view.colors.muted;
		drawing.fillRect(GUTTER + i * step, height - 5 - level * (height - 10), isLong ? Math.max(step, 2) : step, isLong ? 3 : 1.5);
	}
}

// ---- Interface ------------------------------------------------------------------------------------------------

/* What was changed in the state, or null: everything. */
export function refreshView(what) {
	if (!view.process)
		return;
	if (!what || what.has('hidden') || what.has('said'))
		layOut();
	if (!what || what.has('from') || what.has('to') || what.has('said'))
		refresh();
	redraw();
}

export function refreshAll() {
	refreshView(null);
	refreshOverview();
}

export function setUpView() {
	canvas = byId('timeline');
	strip = byId('strip');
	context = canvas.getContext('2d', { alpha: false });
	stripContext = strip.getContext('2d', { alpha: false });
	new ResizeObserver(() => {
		if (view.process) {
			layOut();
			refreshAll();
		}
	}).observe(canvas);
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', readTheme);
	canvas.addEventListener('focus', redraw);
	canvas.addEventListener('blur', redraw);
	readTheme();
}

export function chooseLane(step) {
	view.chosen = Math.min(view.lanes.length - 1, Math.max(0, view.chosen + step));
	const lane = view.lanes[view.chosen];
	const top = lane.top - lane.band;
	if (top < view.scroll + AXIS_HEIGHT + LANE_GAP)
		scrollBy(top - view.scroll - AXIS_HEIGHT - LANE_GAP);
	else if (lane.top + lane.height > view.scroll + lanesBottom())
		scrollBy(lane.top + lane.height - view.scroll - lanesBottom() + LANE_GAP);
	announce(`Worker ${lane.worker.worker}, ${lane.worker.role}`);
	redraw();
}
