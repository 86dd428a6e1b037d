/* SPDX-License-Identifier: Apache-2.0
 *
 * Where traces come from: dropped files and folders, the file pickers, and the page itself (analyze_trace --html).
 */
import { byId } from './dom.js';
import { carriedBytes } from './remote.js';

const NAME = /\.bin(\.open|\.gz|\.zst)?$/;

function isSegment(name) {
	return NAME.test(name);
}

function fileOf(entry) {
	return new Promise((resolve, reject) => entry.file(resolve, reject));
}

function entriesOf(folder) {
	const reader = folder.createReader();
	const all = [];
	return new Promise((resolve, reject) => {
		const next = () => reader.readEntries((some) => {
			all.push(...some);
			if (some.length)
				next();
			else
				resolve(all);
		}, reject);
		next();
	});
}

/* A dropped file is taken whatever its name; of a folder, what is called like a segment. */
async function filesOfEntry(entry, path, isInside) {
	if (entry.isFile)
		return !isInside || isSegment(entry.name) ? [{ name: path + entry.name, blob: await fileOf(entry) }] : [];
	const found = [];
	for (const inner of await entriesOf(entry))
		found.push(...(await filesOfEntry(inner, `${path}${entry.name}/`, true)));
	return found;
}

async function filesOfDrop(transfer) {
	const entries = [...transfer.items].filter((item) => item.kind === 'file').map((item) => item.webkitGetAsEntry());
	const plain = [...transfer.files];
	const found = [];
	for (const [i, entry] of entries.entries())
		found.push(...(entry ? await filesOfEntry(entry, '', false) : [{ name: plain[i].name, blob: plain[i] }]));
	return found;
}

function filesOfPicker(input, isFolder) {
	const picked = [...input.files].map((file) => ({ name: file.webkitRelativePath || file.name, blob: file }));
	input.value = '';
	return isFolder ? picked.filter((file) => isSegment(file.name)) : picked;
}

function inflate(bytes) {
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
}

/* {files, symbols} that the page carries, or null. Segments are inflated where they are read. */
export async function carriedTrace() {
	const nodes = [...document.querySelectorAll('script[data-trace]')];
	const names = byId('trace-names');
	if (nodes.length === 0)
		return null;
	const files = nodes.map((node) => ({ name: node.dataset.trace, blob: new Blob([carriedBytes(node)]) }));
	const symbols = await inflate(carriedBytes(names));
	[names, ...nodes].forEach((node) => node.remove());
	return { files, symbols };
}

export function setUpFiles(take) {
	const zone = document.documentElement;
	zone.addEventListener('dragover', (event) => {
		event.preventDefault();
		document.body.classList.add('dropping');
	});
	zone.addEventListener('dragleave', (event) => {
		if (!event.relatedTarget)
			document.body.classList.remove('dropping');
	});
	zone.addEventListener('drop', async (event) => {
		event.preventDefault();
		document.body.classList.remove('dropping');
		take(await filesOfDrop(event.dataTransfer));
	});
	for (const [id, isFolder] of [['pick-files', false], ['pick-folder', true]]) {
		byId(id).addEventListener('change', () => take(filesOfPicker(byId(id), isFolder)));
		for (const button of document.querySelectorAll(`[data-opens=${id}]`))
			button.addEventListener('click', () => byId(id).click());
	}
}
