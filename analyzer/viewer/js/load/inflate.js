/* SPDX-License-Identifier: Apache-2.0
 *
 * Compressed segments: gzip by the browser, zstd by the fzstd package that is bundled with the
 * page, or by the browser where the page was built without. What could be inflated of a damaged or
 * cut file is kept, as the reader in C does it.
 */
'use strict';

const INFLATE_CHUNK = 1 << 20;
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/* 'gzip', 'zstd' or null, by the first bytes. */
async function compressionOf(blob) {
	const head = new Uint8Array(await blob.slice(0, 4).arrayBuffer());
	if (head[0] === 0x1f && head[1] === 0x8b)
		return 'gzip';
	return ZSTD_MAGIC.every((byte, i) => head[i] === byte) ? 'zstd' : null;
}

async function inflateByBrowser(blob, compression, parts) {
	const reader = blob.stream().pipeThrough(new DecompressionStream(compression)).getReader();
	for (;;) {
		const { done, value } = await reader.read();
		if (done)
			return;
		parts.push(value);
	}
}

async function inflateZstd(blob, parts) {
	const stream = new fzstd.Decompress((part) => parts.push(part.slice()));
	for (let at = 0; at < blob.size; at += INFLATE_CHUNK) {
		const chunk = await blob.slice(at, at + INFLATE_CHUNK).arrayBuffer();
		stream.push(new Uint8Array(chunk), at + INFLATE_CHUNK >= blob.size);
	}
}

/* A blob of what is inside; a line in `problems` where that is not all. */
async function inflate(file, compression, problems) {
	const parts = [];
	try {
		if (compression === 'zstd' && typeof fzstd !== 'undefined')
			await inflateZstd(file.blob, parts);
		else
			await inflateByBrowser(file.blob, compression, parts);
	} catch (error) {
		const isZstd = compression === 'zstd' && typeof fzstd === 'undefined';
		const problem = isZstd && parts.length === 0
			? `this browser cannot inflate zstd; type: unzstd ${file.name}`
			: 'the compressed data is damaged or cut off';
		problems.push(`${file.name}: ${problem}`);
	}
	return new Blob(parts);
}
