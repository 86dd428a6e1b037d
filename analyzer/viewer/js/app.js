/* SPDX-License-Identifier: Apache-2.0
 *
 * Puts the page together: opens what is given, shows it, and has each part follow the state.
 */
import { STROKE, Strokes } from './contract.js';
import { announce, byId, element, fill } from './dom.js';
import { formatBytes, formatCount, formatDuration } from './format.js';
import { rankNames, rankSites } from './draw/colors.js';
import {
	change, DEFAULTS, onChange, readFragment, state, tastes, traceKey,
} from './state.js';
import { ask, onProgress, startThread } from './load/remote.js';
import { leaveProcess, setProcess, setTrace, view } from './draw/view.js';
import { frameMs, redraw } from './draw/frame.js';
import { layOut } from './draw/layout.js';
import { fit, withinTrace } from './draw/range.js';
import { refreshAll, refreshTimeline, setUpTimeline } from './draw/timeline.js';
import { applyFilters, forgetFilters, select } from './control/actions.js';
import {
	currentFigures, refreshFigures, refreshRuns, refreshSelection, refreshSignatures,
	refreshTexts, setUpPanels, showRuns, showTab,
} from './panels/panels.js';
import { showSelection } from './panels/panel_selection.js';
import { callees, stallFlame } from './panels/stall_graph.js';
import { showTransaction } from './control/transactions.js';
import { showNamedIteration } from './control/jobs.js';
import { setUpKeys } from './control/keys.js';
import { wantedNow, wantedOf } from './control/link.js';
import { setUpSend } from './control/send.js';
import { setUpPointer } from './control/pointer.js';
import { setUpGoTo } from './control/go_to.js';
import { fillControls, setUpControls, showControls } from './control/controls.js';
import { carriedTrace, setUpFiles } from './load/files.js';

/* A trace needs about its own size and half a byte an event; WebAssembly has 4 GB at most. */
const BYTES_MAX = 2.2e9;

const SHOWN_AFTER_MS = 250; // what is done sooner needs no progress

let busy = false;
let progressSince = null;

// ---- Progress -----------------------------------------------------------------------------------

function showProgress(text, share) {
	const now = performance.now();
	progressSince = text === null ? null : progressSince ?? now;
	byId('progress').hidden = text === null || now - progressSince < SHOWN_AFTER_MS;
	if (text === null)
		return;
	const percent = share === null ? '' : ` ${Math.floor(share * 100)} %`;
	byId('progress-text').textContent = text + percent;
	byId('progress-bar').value = share ?? 0;
}

function fail(error) {
	showProgress(null);
	byId('failure').hidden = false;
	byId('failure').textContent = error.message;
	announce(error.message);
}

// ---- Opening ------------------------------------------------------------------------------------

async function open(files, symbols) {
	if (files.length === 0) {
		fail(new Error('No trace in there: segments are called ' +
			'*.bin, *.bin.open, *.bin.gz or *.bin.zst'));
		return;
	}
	if (busy)
		return;
	busy = true;
	byId('failure').hidden = true;
	const began = performance.now();
	try {
		const chosen = await chooseRange(files);
		if (chosen)
			await openTrace(chosen, symbols);
		const took = Math.round(performance.now() - began);
		document.documentElement.dataset.loadMs = String(took);
	} catch (error) {
		fail(error);
	} finally {
		busy = false;
		showProgress(null);
	}
}

function processName({ program, pid }) {
	return `${program.split('/').pop()} ${pid}`;
}

async function openTrace(files, symbols) {
	const isFirst = !view.process;
	showProgress('Loading', 0);
	const trace = await ask('load', { files, symbols });
	setTrace(trace);
	if (trace.processes.length === 0)
		throw new Error(trace.problems[0] || 'No trace in there');
	fill(byId('process'), trace.processes.map((process, i) =>
		element('option', { value: String(i) }, processName(process))));
	byId('process-label').hidden = trace.processes.length < 2;
	const wanted = wantedOf(trace, location.hash.slice(1), isFirst);
	await showProcess(wanted.process, wanted);
}

/* Of the ranges that are wanted what lies within the trace. */
function rangesWithin({ from, to, rangeFrom, rangeTo }) {
	const shown = withinTrace(from, to), range = withinTrace(rangeFrom, rangeTo);
	return {
		from: shown && shown[0], to: shown && shown[1],
		rangeFrom: range && range[0], rangeTo: range && range[1],
	};
}

/* What a link has selected shows a tab of its own; the link's comes back, if it is there. */
function keepTab(wanted) {
	const tab = wanted && wanted !== DEFAULTS.tab ? byId('tab-' + wanted) : null;
	if (tab && !tab.hidden)
		change({ tab: wanted });
}

async function showProcess(index, wanted) {
	leaveProcess();
	showProgress('Reading', 0);
	const process = await ask('choose', { process: index });
	process.startRealNs = BigInt(view.trace.processes[index].start_real_ns);
	const { report } = process;
	setProcess(process, rankSites(process.sites, report.callbacks),
		rankNames(process.names, report.spans));
	byId('process').value = String(index);
	document.body.dataset.state = 'shown';
	document.title = `${processName(process.report)} – uvtrace`;
	const trace = traceKey(view.trace.processes[index]);
	Object.assign(state, DEFAULTS, wanted, { process: index, trace }, rangesWithin(wanted));
	forgetFilters();
	layOut();
	const isWhole = state.from === null;
	if (isWhole)
		fit();
	fillControls();
	showTab();
	showSelection();
	const { duration_ns: duration, events } = process.report;
	const size = `${formatCount(events)} events, ${formatBytes(view.trace.bytes)}`;
	byId('summary').textContent = `${formatDuration(duration)}, ${size}`;
	showProgress(null);
	await Promise.all([applyFilters(), refreshFigures()]);
	const { transaction } = wanted;
	if (state.worker !== null && state.tick !== null)
		await select(state.worker, state.tick);
	else if (transaction)
		await showTransaction(transaction, isWhole);
	if (wanted.iteration)
		await showNamedIteration();
	keepTab(wanted.tab);
	byId('timeline').focus({ preventScroll: true });
	announce(`Trace shown: ${byId('summary').textContent}`);
}

// ---- Too large ----------------------------------------------------------------------------------

function bytesMax() {
	return Number(new URLSearchParams(location.search).get('bytes-max')) || BYTES_MAX;
}

/* Compressed ones may be many times as large when they are inflated. */
const INFLATES_TO = 12;

function bytesAtMost({ name, blob }) {
	return blob.size * (/\.(gz|zst)$/.test(name) ? INFLATES_TO : 1);
}

function tooLargeText({ bytes, events }, seconds, fits) {
	const held = `the ${formatBytes(bytesMax())} that a page can hold`;
	const size = `These ${formatBytes(bytes)} (${formatCount(events)} events)`;
	return `${size} do not fit into ${held}. ` +
		`They span ${seconds.toFixed(3)} s; about ${fits.toFixed(3)} s of it fit.`;
}

/* The files as they are, or with the range that somebody has chosen of them; null: nothing was
 * chosen. */
async function chooseRange(files) {
	if (files.reduce((sum, file) => sum + bytesAtMost(file), 0) <= bytesMax())
		return files;
	showProgress('Looking at what may be too large to be held in memory', null);
	const found = await ask('survey', { files });
	const { bytes } = found;
	showProgress(null);
	if (bytes <= bytesMax())
		return files;
	const seconds = ((found.last - found.start) * found.nsPerTick) / 1e9;
	const fits = seconds * (bytesMax() / bytes);
	byId('large-text').textContent = tooLargeText(found, seconds, fits);
	byId('large-from').value = '0';
	byId('large-to').value = fits.toFixed(3);
	byId('large').returnValue = '';
	byId('large').showModal();
	await new Promise((resolve) => {
		byId('large').addEventListener('close', resolve, { once: true });
	});
	if (byId('large').returnValue !== 'load')
		return null;
	const ticks = (id) => found.start + (Number(byId(id).value) * 1e9) / found.nsPerTick;
	return files.map((file) => ({ ...file, range: [ticks('large-from'), ticks('large-to')] }));
}

// ---- Following the state ------------------------------------------------------------------------

function hasAny(what, keys) {
	return keys.some((key) => what.has(key));
}

function followState(what) {
	if (!view.process)
		return;
	refreshTimeline(what);
	if (hasAny(what, ['kind', 'callback', 'object', 'only', 'shortest', 'hidden']))
		applyFilters();
	if (hasAny(what, ['rangeFrom', 'rangeTo', 'long', 'idle']))
		refreshFigures();
	if (what.has('only'))
		refreshSelection();
	if (what.has('runs'))
		refreshRuns();
	if (hasAny(what, ['shortest', 'object', 'hidden']))
		showRuns();
	if (what.has('signature'))
		refreshSignatures();
	if (what.has('time'))
		refreshTexts();
	if (what.has('hidden'))
		fillControls();
	if (what.has('tab'))
		showTab();
	if (!hasAny(what, ['from', 'to']))
		showControls();
}

function goBack() {
	const wanted = view.trace ? wantedNow(view.trace, location.hash.slice(1)) : null;
	if (!wanted)
		return;
	if (view.process && wanted.process !== state.process) {
		showProcess(wanted.process, wanted).catch(fail);
		return;
	}
	if (view.process)
		Object.assign(wanted, rangesWithin(wanted), { trace: state.trace });
	if (wanted.from === null && view.process) {
		wanted.from = view.process.start_ns;
		wanted.to = view.process.end_ns;
	}
	change(wanted);
	if (view.process && wanted.worker !== null && wanted.tick !== view.selected?.tick)
		select(wanted.worker, wanted.tick);
	else if (view.process && wanted.transaction && wanted.worker === null &&
		wanted.transaction !== view.transaction?.id)
		showTransaction(wanted.transaction, false);
}

function turnToProcess() {
	showProcess(Number(byId('process').value), tastes()).catch(fail);
}

async function begin() {
	setUpTimeline();
	setUpPanels();
	setUpKeys();
	setUpPointer();
	setUpControls();
	setUpGoTo();
	setUpSend();
	readFragment();
	showControls();
	onChange(followState);
	onProgress(showProgress);
	setUpFiles((files) => open(files, null));
	window.addEventListener('hashchange', goBack);
	byId('process').addEventListener('change', turnToProcess);
	await startThread();
	document.body.dataset.state = 'ready';
	const carried = await carriedTrace();
	if (carried)
		await open(carried.files, carried.symbols);
}

/* For those who measure: what the page shows, and how long its frames took. */
window.uvtrace = {
	view, state, ask, change, currentFigures, redraw, refreshAll, frameMs, showTransaction,
	STROKE, Strokes, stallFlame, callees,
};

begin().catch(fail);
