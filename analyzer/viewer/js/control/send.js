/* SPDX-License-Identifier: Apache-2.0
 *
 * What leaves the page: a link to the view (docs/page-links.md), notes that are pinned to a time
 * and go with it, a picture of the timeline, and the shown table as CSV.
 */
import { byId, element, fill, say } from '../dom.js';
import { RUN_KEYS, csvOf } from '../panels/csv.js';
import { change, notesOf, state, textOfNotes, writeFragment } from '../state.js';
import { view } from '../draw/view.js';
import { canvas } from '../draw/canvas.js';
import { showAround, timeText } from '../draw/range.js';
import { shownTable } from '../panels/tables.js';

const NOTE_ROOM_NS = 1e6; // shown around a note, at least
const NOTE_SHARE = 0.1; // of what is shown

// ---- The link -----------------------------------------------------------------------------------

/* Pages that are opened from disk may have no clipboard. */
async function copyText(text) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const box = element('textarea', {}, text);
		byId('send').append(box);
		box.select();
		document.execCommand('copy');
		box.remove();
	}
}

export async function copyLink() {
	writeFragment();
	await copyText(location.href);
	say('The link to this view is copied; it opens where the same trace is open');
}

// ---- Files --------------------------------------------------------------------------------------

function download(blob, ending) {
	const { program, pid } = view.process.report;
	const link = element('a', {
		href: URL.createObjectURL(blob),
		download: `${program.split('/').pop()}-${pid}.${ending}`,
	});
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/* The strip and the timeline, as they are shown. */
function savePicture() {
	const strip = byId('strip'), picture = document.createElement('canvas');
	picture.width = canvas.width;
	picture.height = strip.height + canvas.height;
	const drawing = picture.getContext('2d');
	drawing.drawImage(strip, 0, 0);
	drawing.drawImage(canvas, 0, strip.height);
	picture.toBlob((blob) => download(blob, 'png'));
}

/* All runs where these are shown, else the rows of the table of the shown panel. */
function saveTable() {
	const { tab } = state, { runs, iterations } = view;
	const isRuns = tab === 'callbacks' && runs && runs.key === state.runs;
	const listed = isRuns ? runs : tab === 'iterations' ? iterations : null;
	const table = listed ? { keys: RUN_KEYS, rows: listed.rows } : shownTable(`panel-${tab}`);
	if (!table) {
		say('There is no table in this panel');
		return;
	}
	download(new Blob([csvOf(table.keys, table.rows)], { type: 'text/csv' }), 'csv');
}

// ---- Notes --------------------------------------------------------------------------------------

function setNotes(notes) {
	change({ notes: textOfNotes(notes) });
	showNotes();
}

/* At the begin of what is selected, else in the middle of the view. */
function noteTime() {
	const shown = view.selected || view.transaction;
	return Math.round(shown ? shown.start_ns : (state.from + state.to) / 2);
}

function addNote() {
	const text = byId('note').value.trim();
	if (text)
		setNotes([...notesOf(state.notes), { ns: noteTime(), text }]);
	byId('note').value = '';
}

function noteItem(note, i) {
	const { ns, text } = note;
	const room = Math.max(NOTE_ROOM_NS, (state.to - state.from) * NOTE_SHARE);
	const go = () => {
		byId('send').close();
		showAround(ns - room / 2, ns + room / 2);
	};
	const drop = () => setNotes(notesOf(state.notes).filter((one, at) => at !== i));
	return element('li', {},
		element('button', { class: 'row', onclick: go },
			element('span', { class: 'figure' }, timeText(ns, 1000)), ' ', text),
		element('button', {
			class: 'action', onclick: drop, 'aria-label': `Remove ${text}`,
		}, 'Remove'));
}

function showNotes() {
	fill(byId('notes'), notesOf(state.notes).map(noteItem));
}

// ---- The dialog ---------------------------------------------------------------------------------

export function openSend() {
	if (!view.process)
		return;
	byId('note-time').textContent = timeText(noteTime(), 1000);
	showNotes();
	byId('send').showModal();
}

export function setUpSend() {
	byId('send-open').addEventListener('click', openSend);
	byId('send-close').addEventListener('click', () => byId('send').close());
	byId('copy-link').addEventListener('click', copyLink);
	byId('save-picture').addEventListener('click', savePicture);
	byId('save-table').addEventListener('click', saveTable);
	byId('note-add').addEventListener('click', addNote);
	byId('note').addEventListener('keydown', (event) => {
		if (event.key === 'Enter') {
			event.preventDefault();
			addNote();
		}
	});
}
