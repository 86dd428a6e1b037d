/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys. Every action has one; the tables below are also what the help shows.
 */
import { announce, byId, element, fill, say } from '../dom.js';
import { formatDuration } from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { chooseLane, scrollBy } from '../draw/layout.js';
import { fit, pan, show, showAround, undoZoom, zoom } from '../draw/range.js';
import { openGoTo } from './go_to.js';
import { jumpIteration, showIteration, showRunsOf } from './jobs.js';
import { copyLink, openSend } from './send.js';
import { jumpInSignature } from './transactions.js';
import { clearSelection, follow, jumpInLane, jumpLong, jumpMatch } from './actions.js';

const ZOOM_STEP = 0.7;
const PAN_STEP = 0.15;
const SCROLL_STEP = 200;

// ---- What they do -------------------------------------------------------------------------------

/* What is said of a part of the state that a key turns. */
const TOLD = {
	color: { callback: 'Coloured by callback', duration: 'Coloured by duration' },
	time: { clock: 'Times on the wall clock', relative: 'Times after the start' },
	said: { on: 'Marks and spans are shown', off: 'Marks and spans are hidden' },
};

/* From one of two values of a part of the state to the other. */
function turnBetween(key, first, second) {
	change({ [key]: state[key] === first ? second : first });
	announce(TOLD[key][state[key]]);
}

function zoomToSelection() {
	const { selected } = view;
	const { transaction } = view, shown = selected || transaction;
	if (shown)
		showAround(shown.start_ns, shown.start_ns + shown.duration_ns);
	else if (state.rangeFrom !== null)
		show(state.rangeFrom, state.rangeTo);
	else
		say('Nothing is selected');
}

function takeShown() {
	change({ rangeFrom: state.from, rangeTo: state.to });
	announce(`Figures of ${formatDuration(state.to - state.from)}`);
}

function followSelection() {
	if (view.selected)
		follow(view.selected.life_of);
	else
		say('Select a callback first');
}

function showOwnIteration() {
	if (view.selected)
		showIteration(view.selected.worker, view.selected.tick);
	else
		say('Select a callback first');
}

function showOwnRuns() {
	if (view.selected)
		showRunsOf(view.selected);
	else
		say('Select a callback first');
}

/* Keys, what the help says of them, and what they do. */
const KEYS = [
	[['w', '+', '='], 'W  +', 'zoom in', () => zoom(ZOOM_STEP)],
	[['s', '-'], 'S  −', 'zoom out', () => zoom(1 / ZOOM_STEP)],
	[['a', 'ArrowLeft'], 'A  ←', 'move to the left', () => pan(-PAN_STEP)],
	[['d', 'ArrowRight'], 'D  →', 'move to the right', () => pan(PAN_STEP)],
	[['ArrowUp'], '↑', 'worker above', () => chooseLane(-1)],
	[['ArrowDown'], '↓', 'worker below', () => chooseLane(1)],
	[['.'], '.', 'next callback of this worker', () => jumpInLane(false)],
	[[','], ',', 'previous callback of this worker', () => jumpInLane(true)],
	[['n'], 'N', 'next long run', () => jumpLong(false)],
	[['p'], 'P', 'previous long run', () => jumpLong(true)],
	[['/'], '/', 'search for a callback, a transaction’s id, or a signature (read > work); ' +
		'Enter: next, Shift+Enter: previous',
		() => byId('search').focus()],
	[[']'], ']', 'next match', () => jumpMatch(false)],
	[['['], '[', 'previous match', () => jumpMatch(true)],
	[['e'], 'E', 'next transaction of this signature', () => jumpInSignature(false)],
	[['q'], 'Q', 'previous transaction of this signature', () => jumpInSignature(true)],
	[['i'], 'I', 'the iteration of the selected callback', showOwnIteration],
	[['>'], '>', 'next iteration', () => jumpIteration(false)],
	[['<'], '<', 'previous iteration', () => jumpIteration(true)],
	[['r'], 'R', 'all runs of the selected callback', showOwnRuns],
	[['y'], 'Y', 'copy a link to this view', copyLink],
	[['b'], 'B', 'send this: notes, picture, table', openSend],
	[['f'], 'F', 'fit the whole trace', fit],
	[['g'], 'G', 'go to a time: after the start, or on the wall clock', openGoTo],
	[['z', 'Enter'], 'Z  Enter', 'zoom to the selected callback or range', zoomToSelection],
	[['u', 'Backspace'], 'U  Backspace', 'undo the zoom',
		() => undoZoom() || say('Nothing to undo')],
	[['m'], 'M', 'make what is shown the range of the figures',
		takeShown],
	[['l'], 'L', 'follow the selected callback’s handle or request', followSelection],
	[['c'], 'C', 'colours: by callback, by duration',
		() => turnBetween('color', 'callback', 'duration')],
	[['t'], 'T', 'times: after the start, on the wall clock',
		() => turnBetween('time', 'clock', 'relative')],
	[['k'], 'K', 'marks and spans of the program: shown, hidden',
		() => turnBetween('said', 'on', 'off')],
	[['PageUp'], 'Page Up', 'scroll workers up', () => scrollBy(-SCROLL_STEP)],
	[['PageDown'], 'Page Down', 'scroll workers down', () => scrollBy(SCROLL_STEP)],
	[['Escape'], 'Esc', 'select nothing', clearSelection],
	[['?'], '?', 'this help', () => byId('help').showModal()],
].map(([keys, shown, help, run]) => ({ keys, shown, help, run }));

const MOUSE_HELP = [
	['Wheel, pinch', 'zoom at the pointer'],
	['Shift + wheel', 'move'],
	['Wheel over the names', 'scroll workers'],
	['Drag', 'move'],
	['Shift + drag, or drag along the times', 'select a range: the panels show its figures'],
	['Click', 'select a callback, with its transaction and arrows to what woke it'],
	['Double click', 'zoom to a callback'],
	['Drag in the strip above', 'choose what is shown'],
];

// ---- Hearing them -------------------------------------------------------------------------------

/* Somebody types, or presses a button. */
function isForOthers({ target, key }) {
	if (!target.closest)
		return false;
	if (target.closest('input, select, textarea, dialog[open]'))
		return true;
	return target.closest('button, [role=tab]') && (key === 'Enter' || key.startsWith('Arrow'));
}

function onKey(event) {
	if (!view.process || isForOthers(event))
		return;
	const hasControl = event.ctrlKey || event.metaKey, isUndo = event.key === 'z' && hasControl;
	if ((hasControl || event.altKey) && !isUndo)
		return;
	const name = isUndo ? 'u' : event.key.length === 1 ? event.key.toLowerCase() : event.key;
	const entry = KEYS.find((one) => one.keys.includes(name));
	if (!entry)
		return;
	event.preventDefault();
	entry.run();
}

// ---- The help -----------------------------------------------------------------------------------

function keyNames(shown) {
	return shown.split('  ').map((key, i) => [i ? ' ' : '', element('kbd', {}, key)]);
}

function fillHelp() {
	fill(byId('help-keys'), KEYS.map(({ shown, help }) =>
		[element('dt', {}, keyNames(shown)), element('dd', {}, help)]));
	fill(byId('help-mouse'), MOUSE_HELP.map(([what, text]) =>
		[element('dt', {}, what), element('dd', {}, text)]));
}

export function setUpKeys() {
	document.addEventListener('keydown', onKey);
	fillHelp();
}
