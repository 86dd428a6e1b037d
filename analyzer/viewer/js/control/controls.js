/* SPDX-License-Identifier: Apache-2.0
 *
 * The bar of filters, thresholds and switches: each control shows a part of the state and changes
 * it.
 */
import { byId, element, fill } from '../dom.js';
import { DURATION_NAMES, durationColor } from '../draw/colors.js';
import { formatDuration } from '../format.js';
import { change, state } from '../state.js';
import { view } from '../draw/view.js';
import { theme } from '../draw/theme.js';
import { hiddenWorkers } from '../draw/layout.js';
import { followTheme } from '../draw/timeline.js';
import { jumpLong, jumpMatch } from './actions.js';
import { paintSwatches, span } from '../panels/pieces.js';

/* Sliders are logarithmic, in tenths of a decade from 1 µs; 0 of `shortest` is no filter. */
function slideOf(ns) {
	return ns <= 0 ? 0 : Math.round(Math.log10(ns / 1e3) * 10);
}

function nsOfSlide(value) {
	const exact = 1e3 * 10 ** (value / 10);
	const power = 10 ** Math.floor(Math.log10(exact) - 1);
	return Math.round(exact / power) * power;
}

function slider(id, key, zeroIsNone) {
	const input = byId(id), isNone = () => zeroIsNone && input.value === '0';
	const chosen = () => nsOfSlide(Number(input.value));
	input.addEventListener('input', () => {
		byId(id + '-value').textContent = isNone() ? 'any' : formatDuration(chosen());
	});
	input.addEventListener('change', () => change({ [key]: isNone() ? 0 : chosen() }));
}

function debounced(id, key) {
	let timer = 0;
	byId(id).addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(() => change({ [key]: byId(id).value.trim() }), 250);
	});
}

function showSlider(id, ns, zeroIsNone) {
	byId(id).value = String(slideOf(ns));
	byId(id + '-value').textContent = zeroIsNone && ns === 0 ? 'any' : formatDuration(ns);
	byId(id).setAttribute('aria-valuetext', byId(id + '-value').textContent);
}

function showText(id, text) {
	if (document.activeElement !== byId(id))
		byId(id).value = text;
}

function showWorker(number, isShown) {
	const hidden = hiddenWorkers();
	if (isShown)
		hidden.delete(number);
	else
		hidden.add(number);
	change({ hidden: [...hidden].join(',') });
}

function fillWorkers() {
	const hidden = hiddenWorkers();
	fill(byId('worker-list'), view.process.workers.map(({ worker, role, name }) => {
		const onchange = (event) => showWorker(worker, event.target.checked);
		const box = element('input',
			{ type: 'checkbox', checked: !hidden.has(worker), onchange });
		return element('label', {}, box, ` ${worker} ${role} `, span('place', name));
	}));
}

/* What the colours of durations mean; those of callbacks stand in the tables. */
function showLegend() {
	const limits = [1e3, 20e3, 200e3, 2e6];
	fill(byId('legend'), state.color === 'duration' ? DURATION_NAMES.map((name, i) => {
		const swatch = element('i', { class: 'key' });
		swatch.style.background = durationColor(theme.name, limits[i]);
		return element('span', {}, swatch, name);
	}) : null);
}

export function showControls() {
	showLegend();
	showSlider('long', state.long, false);
	showSlider('idle', state.idle, false);
	showSlider('shortest', state.shortest, true);
	showText('search', state.query);
	showText('filter-callback', state.callback);
	showText('filter-object', state.object);
	showText('filter-only', state.only);
	byId('filter-kind').value = state.kind;
	byId('color').value = state.color;
	byId('time').value = state.time;
	byId('said').checked = state.said === 'on';
	const { kind, callback, object, hidden, only } = state;
	const texts = [kind, callback, object, hidden, only].filter(Boolean);
	const filters = texts.length + (state.shortest > 0);
	byId('filter-count').textContent = filters ? ` (${filters})` : '';
}

/* What depends on the process that is shown. */
export function fillControls() {
	const kinds = [...new Set(view.process.sites.map((site) => site.kind))].sort();
	const option = (value, text) => element('option', { value }, text);
	fill(byId('filter-kind'), option('', 'every kind'),
		kinds.map((kind) => option(kind, kind)));
	fillWorkers();
	const hasSaid = (worker) => worker.has_marks || worker.span_rows;
	byId('said-label').hidden = !view.process.workers.some(hasSaid);
	showControls();
}

function turnTheme() {
	document.documentElement.dataset.theme = theme.name === 'dark' ? 'light' : 'dark';
	followTheme();
	showLegend();
	paintSwatches();
}

function searchKey(event) {
	if (event.key === 'Enter') {
		change({ query: byId('search').value.trim() });
		jumpMatch(event.shiftKey);
	} else if (event.key === 'Escape') {
		byId('timeline').focus();
	}
}

/* Where there is little room, filters and search are there on request. */
function turnControls() {
	const isOpen = document.body.dataset.controls !== 'open';
	document.body.dataset.controls = isOpen ? 'open' : 'closed';
	byId('controls-open').setAttribute('aria-expanded', String(isOpen));
}

export function setUpControls() {
	slider('long', 'long', false);
	slider('idle', 'idle', false);
	slider('shortest', 'shortest', true);
	debounced('filter-callback', 'callback');
	debounced('filter-object', 'object');
	debounced('filter-only', 'only');
	debounced('search', 'query');
	byId('filter-kind').addEventListener('change',
		() => change({ kind: byId('filter-kind').value }));
	byId('color').addEventListener('change', () => change({ color: byId('color').value }));
	byId('time').addEventListener('change', () => change({ time: byId('time').value }));
	byId('said').addEventListener('change',
		() => change({ said: byId('said').checked ? 'on' : 'off' }));
	byId('search').addEventListener('keydown', searchKey);
	byId('search-next').addEventListener('click', () => jumpMatch(false));
	byId('search-previous').addEventListener('click', () => jumpMatch(true));
	byId('long-next').addEventListener('click', () => jumpLong(false));
	byId('long-previous').addEventListener('click', () => jumpLong(true));
	byId('theme').addEventListener('click', turnTheme);
	byId('controls-open').addEventListener('click', turnControls);
	byId('help-open').addEventListener('click', () => byId('help').showModal());
	byId('help-close').addEventListener('click', () => byId('help').close());
	byId('filter-clear').addEventListener('click',
		() => change({ kind: '', callback: '', object: '', hidden: '', only: '',
			shortest: 0 }));
}
