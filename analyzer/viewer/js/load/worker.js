/* SPDX-License-Identifier: Apache-2.0
 *
 * The page's second thread: holds the WebAssembly module, and with it the trace, and answers the
 * page's questions. A question is {id, op, ...}, an answer {id, result} or {id, error}; {progress,
 * share} comes in between.
 *
 * Rules: what takes long goes in steps, so that drawing is answered meanwhile. Of several requests
 * to draw only the newest is answered.
 */
'use strict';

const STEP_MS = 12;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

let wasm = null;
let lastDraw = 0;
let figuresWanted = 0;
let workerCount = 0;

// ---- Memory -------------------------------------------------------------------------------------

function memoryBytes() {
	return new Uint8Array(wasm.memory.buffer);
}

function textAt(pointer) {
	if (!pointer)
		throw new Error('out of memory');
	const bytes = memoryBytes();
	const from = pointer >>> 0;
	return decoder.decode(bytes.subarray(from, bytes.indexOf(0, from)));
}

function jsonAt(pointer) {
	return JSON.parse(textAt(pointer));
}

function allocate(bytes) {
	const pointer = wasm.page_alloc(bytes) >>> 0;
	const megabytes = Math.round(memoryBytes().length / 1e6);
	if (!pointer)
		throw new Error(`out of memory: ${megabytes} MB are in use`);
	return pointer;
}

function putBytes(bytes) {
	const pointer = allocate(bytes.length + 1);
	memoryBytes().set(bytes, pointer);
	memoryBytes()[pointer + bytes.length] = 0;
	return pointer;
}

async function start(binary) {
	const nothing = new Proxy({}, { get: () => () => 52 /* ENOSYS */ });
	const progress = (what, share) => postMessage({ progress: PROGRESS_TEXTS[what], share });
	const imports = { wasi_snapshot_preview1: nothing, page: { progress } };
	const made = await WebAssembly.instantiate(binary, imports);
	wasm = made.instance.exports;
	wasm._initialize();
}

// ---- Loading ------------------------------------------------------------------------------------

function pause() {
	return new Promise((resolve) => {
		const channel = new MessageChannel();
		channel.port1.onmessage = resolve;
		channel.port2.postMessage(0);
	});
}

/* Runs step(batches), which returns the share that is done, until it is 1. */
async function inSteps(step, what) {
	let batches = 8;
	for (;;) {
		const before = performance.now();
		const share = step(batches);
		const took = performance.now() - before;
		if (share < 0)
			throw new Error('out of memory while reading the trace');
		if (share >= 1)
			return;
		if (took < STEP_MS)
			batches = Math.min(batches * 2, 4096);
		else if (took > 2 * STEP_MS)
			batches = Math.max(batches >> 1, 1);
		postMessage({ progress: what, share });
		await pause();
	}
}

async function readInto(pointer, stream, tell) {
	const reader = stream.getReader();
	let at = pointer;
	for (;;) {
		const { done, value } = await reader.read();
		if (done)
			return at - pointer;
		memoryBytes().set(value, at);
		at += value.length;
		tell(value.length);
	}
}

async function addFile(file, problems, tell) {
	const compression = await compressionOf(file.blob);
	const whole = compression ? await inflate(file, compression, problems) : file.blob;
	const blob = file.range ? new Blob([await segmentPart(whole, file.range)]) : whole;
	const pointer = allocate(blob.size + 1);
	const share = file.blob.size / blob.size;
	const bytes = await readInto(pointer, blob.stream(), (some) => tell(some * share));
	if (wasm.page_add_file(putBytes(encoder.encode(file.name)), pointer, bytes) < 0)
		throw new Error('out of memory');
}

async function load({ files, symbols }) {
	const total = files.reduce((sum, file) => sum + file.blob.size, 0);
	const problems = [];
	let done = 0;
	wasm.page_clear();
	if (symbols)
		wasm.page_give_symbols(putBytes(encoder.encode(symbols)));
	for (const file of files) {
		await addFile(file, problems, (bytes) => {
			done += bytes;
			postMessage({ progress: 'Loading', share: total ? done / total : 1 });
		});
	}
	const trace = jsonAt(wasm.page_open());
	trace.problems.push(...problems);
	return trace;
}

async function choose({ process }) {
	figuresWanted++;
	if (wasm.page_choose(process) < 0)
		throw new Error('out of memory while reading the trace');
	await inSteps(wasm.page_build, 'Drawing up');
	const answer = jsonAt(wasm.page_process());
	workerCount = answer.workers.length;
	answer.report = jsonAt(wasm.page_report());
	answer.flame = jsonAt(wasm.page_flame());
	answer.briefs = briefs();
	answer.memory = memoryBytes().length;
	return answer;
}

/* A table of so many numbers that C has made; contract.def has the columns. */
function numbersAt(pointer, count) {
	const table = pointer >>> 0;
	if (!table)
		throw new Error('out of memory while reading the trace');
	const copy = wasm.memory.buffer.slice(table, table + 8 * count);
	wasm.page_free(table);
	return new Float64Array(copy);
}

/* The transactions in short. */
function briefs() {
	return numbersAt(wasm.page_briefs(), BRIEFS * wasm.page_brief_count());
}

// ---- Drawing ------------------------------------------------------------------------------------

function draw({ from, to, columns, said }) {
	const count = wasm.page_draw(from, to, columns, said ? 1 : 0);
	const at = wasm.page_strokes() >>> 0;
	const ends = wasm.page_lane_ends() >>> 0;
	const buffer = wasm.memory.buffer;
	const strokes = buffer.slice(at, at + count * STROKE_BYTES);
	const charts = {};
	CHART_KEYS.forEach((name, i) => {
		const chart = wasm.page_chart(i) >>> 0;
		charts[name] = new Uint32Array(buffer.slice(chart, chart + 4 * columns));
	});
	const laneEnds = new Uint32Array(buffer.slice(ends, ends + 4 * workerCount));
	return { from, to, columns, strokes, ends: laneEnds, charts };
}

// ---- Questions ----------------------------------------------------------------------------------

/* Null: something newer was asked for meanwhile. */
async function figures({ from, to, longPoll, idle }) {
	const mine = ++figuresWanted;
	await pause();
	if (mine !== figuresWanted)
		return null;
	const report = jsonAt(wasm.page_figures(from, to === null ? -1 : to, longPoll, idle));
	return { report, flame: jsonAt(wasm.page_flame()) };
}

/* Which transactions alone are shown: {numbers} of an id, {signatures}, or null: all. False: there
 * were too many. */
function filterSteps(only) {
	let state = 0;
	if (!only) {
		wasm.page_filter_no_steps();
	} else if (only.numbers) {
		state = wasm.page_filter_transaction(...only.numbers);
	} else {
		const wanted = putBytes(only.signatures);
		state = wasm.page_filter_signatures(wanted, only.signatures.length);
		wasm.page_free(wanted);
	}
	if (state < 0)
		throw new Error('out of memory');
	return state === 0;
}

function filter({ sites, object, shortest, only }) {
	const whole = filterSteps(only);
	if (sites)
		memoryBytes().set(sites, wasm.page_filter_sites() >>> 0);
	if (wasm.page_filter(sites ? 1 : 0, object, shortest) < 0)
		throw new Error('out of memory');
	return whole;
}

function find({ from, backwards, shortest, sites, workers }) {
	memoryBytes().set(sites, wasm.page_find_sites() >>> 0);
	const shown = putBytes(workers);
	const found = jsonAt(wasm.page_find(from, backwards ? 1 : 0, shortest, shown));
	wasm.page_free(shown);
	return found;
}

/* Runs of callbacks, the longest first; `sites` null: iterations. */
function runs({ sites, inPool, from, to }) {
	const end = to === null ? -1 : to;
	if (sites)
		memoryBytes().set(sites, wasm.page_find_sites() >>> 0);
	const count = sites ? wasm.page_runs(inPool ? 1 : 0, from, end)
		: wasm.page_iterations(from, end);
	if (count < 0)
		throw new Error('out of memory while reading the trace');
	const seen = wasm.page_runs_seen(), ns = wasm.page_runs_ns();
	return { seen, ns, table: numbersAt(wasm.page_runs_table(), RUNS * count) };
}

const ops = {
	start: ({ binary }) => start(binary),
	survey: ({ files }) => survey(files),
	load,
	choose,
	draw,
	overview: draw,
	figures,
	filter,
	find,
	detail: ({ worker, tick }) => jsonAt(wasm.page_detail(worker, tick)),
	runs,
	behind: ({ worker, tick }) => jsonAt(wasm.page_behind(worker, tick)),
	iteration: ({ worker, tick }) => jsonAt(wasm.page_iteration(worker, tick)),
	transaction: ({ numbers: [ns, worker] }) => jsonAt(wasm.page_transaction(ns, worker)),
	transactionOf: ({ worker, tick }) => jsonAt(wasm.page_transaction_of(worker, tick)),
	follow: ({ object }) => jsonAt(wasm.page_follow(object)),
};

function transferOf(op, result) {
	if (op !== 'draw' && op !== 'overview')
		return [];
	const charts = Object.values(result.charts).map((chart) => chart.buffer);
	return [result.strokes, result.ends.buffer, ...charts];
}

async function answer(question) {
	try {
		const result = await ops[question.op](question);
		postMessage({ id: question.id, result }, transferOf(question.op, result));
	} catch (error) {
		postMessage({ id: question.id, error: error.message });
	}
}

onmessage = async ({ data }) => {
	if (data.op !== 'draw') {
		answer(data);
		return;
	}
	const mine = ++lastDraw;
	await pause();
	if (mine === lastDraw)
		answer(data);
	else
		postMessage({ id: data.id, result: null });
};
