/* SPDX-License-Identifier: Apache-2.0
 *
 * Where traces come from: dropped files and folders, the file pickers, and the page itself
 * (analyze_trace --html).
 */
import { byId } from '../dom.js';
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

async function filesOfEntry(entry, path) {
	if (entry.isFile)
		return isSegment(entry.name)
			? [{ name: path + entry.name, blob: await fileOf(entry) }] : [];
	const found = [];
	for (const inner of await entriesOf(entry))
		found.push(...(await filesOfEntry(inner, `${path}${entry.name}/`)));
	return found;
}

async function filesOfHandle(handle, path) {
	if (handle.kind === 'file')
		return isSegment(handle.name)
			? [{ name: path + handle.name, blob: await handle.getFile() }] : [];
	const found = [];
	for await (const inner of handle.values())
		found.push(...(await filesOfHandle(inner, `${path}${handle.name}/`)));
	return found;
}

/* A dropped file is taken whatever its name; of a folder, what is called like a segment. Where
 * the page was opened from disk, Chromium gives a folder's files by handle only, others by entry
 * only. */
async function filesOfItem({ file, entry, handle }) {
	if (!entry || entry.isFile)
		return file ? [{ name: file.name, blob: file }] : [];
	const found = handle ? await handle : null;
	return found ? filesOfHandle(found, '') : filesOfEntry(entry, '');
}

/* All is taken out of the event before anything is awaited: it is empty afterwards. */
async function filesOfDrop(transfer) {
	const handleOf = (item) => item.getAsFileSystemHandle?.().catch(() => null) ?? null;
	const items = [...transfer.items].filter((item) => item.kind === 'file').map((item) => ({
		file: item.getAsFile(), entry: item.webkitGetAsEntry(), handle: handleOf(item),
	}));
	return (await Promise.all(items.map(filesOfItem))).flat();
}

function filesOfPicker(input, isFolder) {
	const picked = [...input.files]
		.map((file) => ({ name: file.webkitRelativePath || file.name, blob: file }));
	input.value = '';
	return isFolder ? picked.filter((file) => isSegment(file.name)) : picked;
}

function inflate(bytes) {
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
	return new Response(stream).text();
}

/* {files, symbols} that the page carries, or null. Segments are inflated where they are read. */
export async function carriedTrace() {
	const nodes = [...document.querySelectorAll('script[data-trace]')];
	const names = byId('trace-names');
	if (nodes.length === 0)
		return null;
	const files = nodes.map((node) => ({
		name: node.dataset.trace, blob: new Blob([carriedBytes(node)]),
	}));
	const symbols = await inflate(carriedBytes(names));
	[names, ...nodes].forEach((node) => node.remove());
	return { files, symbols };
}

export function setUpFiles(take) {
	const zone = document.documentElement;
	zone.addEventListener('dragover', (event) => {
		event.preventDefault();
		event.dataTransfer.dropEffect = 'copy';
		document.body.classList.add('dropping');
	});
	zone.addEventListener('dragleave', (event) => {
		if (!event.relatedTarget)
			document.body.classList.remove('dropping');
	});
	zone.addEventListener('drop', async (event) => {
		event.preventDefault();
		document.body.classList.remove('dropping');
		take(await filesOfDrop(event.dataTransfer).catch(() => []));
	});
	for (const [id, isFolder] of [['pick-files', false], ['pick-folder', true]]) {
		byId(id).addEventListener('change', () => take(filesOfPicker(byId(id), isFolder)));
		for (const button of document.querySelectorAll(`[data-opens=${id}]`))
			button.addEventListener('click', () => byId(id).click());
	}
}
