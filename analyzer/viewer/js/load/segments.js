/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces that are too large to be held in memory: walks a segment's blocks by their headers
 * (docs/trace-format.md), to say which time it covers, and cuts a segment down to the blocks of a
 * range. What comes out is a segment that the reader takes as one with missing blocks, and says so.
 */
'use strict';

const FILE_HEADER_BYTES = 128;
const BLOCK_HEADER_BYTES = 64;
const BLOCK_MAGIC = 0x42545655;
const BLOCK_CLOCK = 2;
const BLOCK_EVENTS = 7;
const CHUNK_BYTES = 8 << 20;

/* Calls take(view, at, payloadBytes) for each block; `at` is where it begins in `view`. */
async function eachBlock(blob, take) {
	let from = 0, offset = 0;
	let view = new DataView(await blob.slice(0, CHUNK_BYTES).arrayBuffer());
	const hasHeader = view.byteLength >= FILE_HEADER_BYTES;
	const headerBytes = hasHeader ? view.getUint32(12, true) : blob.size;
	for (offset = headerBytes; offset + BLOCK_HEADER_BYTES <= blob.size;) {
		if (offset - from + BLOCK_HEADER_BYTES > view.byteLength) {
			from = offset;
			view = new DataView(
				await blob.slice(from, from + CHUNK_BYTES).arrayBuffer());
		}
		const at = offset - from;
		if (view.getUint32(at, true) !== BLOCK_MAGIC)
			return;
		const payload = view.getUint32(at + 8, true);
		if (at + BLOCK_HEADER_BYTES + payload > view.byteLength && at > 0) {
			from = offset;
			view = new DataView(
				await blob.slice(from, from + CHUNK_BYTES).arrayBuffer());
			continue;
		}
		take(view, at, payload);
		offset += BLOCK_HEADER_BYTES + Math.ceil(payload / 8) * 8;
	}
}

function blockType(view, at) {
	return view.getUint16(at + 4, true);
}

function blockTicks(view, at) {
	return [Number(view.getBigUint64(at + 32, true)), Number(view.getBigUint64(at + 40, true))];
}

/* What the segments cover, in ticks, and how many nanoseconds a tick is. */
async function survey(files) {
	const found = {
		first: Infinity, last: 0, events: 0, bytes: 0, nsPerTick: 1, start: Infinity,
	};
	const pairs = [];
	let shift = 0;
	for (const file of files) {
		const compression = await compressionOf(file.blob);
		const blob = compression ? await inflate(file, compression, []) : file.blob;
		const header = new DataView(await blob.slice(0, FILE_HEADER_BYTES).arrayBuffer());
		found.bytes += blob.size;
		if (header.byteLength < FILE_HEADER_BYTES)
			continue;
		shift = header.getUint8(20);
		found.start = Math.min(found.start, Number(header.getBigUint64(32, true)));
		await eachBlock(blob, (view, at, payload) => {
			if (blockType(view, at) === BLOCK_EVENTS) {
				const [first, last] = blockTicks(view, at);
				found.first = Math.min(found.first, first);
				found.last = Math.max(found.last, last);
				found.events += view.getUint32(at + 20, true);
			}
			const clocks = blockType(view, at) === BLOCK_CLOCK ? payload : 0;
			for (let i = at + 64; i + 24 <= at + 64 + clocks; i += 24)
				pairs.push([view.getBigUint64(i, true),
					view.getBigUint64(i + 8, true)]);
		});
	}
	pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
	if (pairs.length > 1) {
		const [low, high] = [pairs[0], pairs[pairs.length - 1]];
		const ticks = Number(high[0] - low[0]) / 2 ** shift;
		found.nsPerTick = ticks > 0 ? Number(high[1] - low[1]) / ticks : 1;
	}
	return found;
}

/* The segment without the blocks of events that lie outside of the range (ticks). */
async function segmentPart(blob, [from, to]) {
	const first = new DataView(await blob.slice(0, FILE_HEADER_BYTES).arrayBuffer());
	const hasHeader = first.byteLength >= FILE_HEADER_BYTES;
	const headerBytes = hasHeader ? first.getUint32(12, true) : first.byteLength;
	const kept = [new Uint8Array(await blob.slice(0, headerBytes).arrayBuffer())];
	await eachBlock(blob, (view, at, payload) => {
		const bytes = BLOCK_HEADER_BYTES + Math.ceil(payload / 8) * 8;
		if (blockType(view, at) === BLOCK_EVENTS) {
			const [begin, end] = blockTicks(view, at);
			if (end < from || begin > to)
				return;
		}
		kept.push(new Uint8Array(view.buffer.slice(at, at + bytes)));
	});
	const whole = new Uint8Array(kept.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of kept) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}
