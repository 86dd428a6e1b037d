/* SPDX-License-Identifier: Apache-2.0
 *
 * Goes through a file once and lists its good blocks: magic, lengths, checksum. After damage it
 * looks for the next good block at a multiple of 8 bytes.
 *
 * Rules: one window of memory however large the file is. Holes of a sparse file are passed over
 * unread. The time is linear in what is left of the file's size even for a file made to be slow:
 * false starts may cost SCAN_RETRIES times the file, after which a bad block is passed over whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/crc32c.h"
#include "reader_internal.h"

#define HEADER_BYTES_MAX 4096u
#define WINDOW_BYTES	 (TRACE_BLOCK_BYTES_MAX + HEADER_BYTES_MAX)
#define LOAD_BYTES	 (256u << 10) /* at once, where no more is needed: stays in the cache */
#define SCAN_RETRIES	 8

struct scan {
	struct reader_file *file;
	unsigned char *window;
	uint64_t window_offset;
	size_t window_bytes;
	uint64_t retry_bytes; /* checksums that may still be computed in vain */
};

/* The bytes at `offset`, as many as there are up to `bytes`. */
static const unsigned char *scan_bytes(struct scan *scan, uint64_t offset, size_t bytes,
				       size_t *got)
{
	uint64_t window_end = scan->window_offset + scan->window_bytes;
	ssize_t loaded;

	if (offset < scan->window_offset || offset > window_end ||
	    (offset + bytes > window_end && window_end < scan->file->bytes)) {
		loaded = reader_file_read(scan->file, scan->window,
					  bytes > LOAD_BYTES ? bytes : LOAD_BYTES, offset);
		scan->window_offset = offset;
		scan->window_bytes = loaded < 0 ? 0 : loaded;
	}
	*got = scan->window_offset + scan->window_bytes - offset;
	if (*got > bytes)
		*got = bytes;
	return scan->window + (offset - scan->window_offset);
}

static bool header_is_sane(const struct trace_block_header *header)
{
	if (header->magic != TRACE_BLOCK_MAGIC || header->header_bytes < sizeof(*header) ||
	    header->header_bytes > HEADER_BYTES_MAX || header->header_bytes % 8 != 0 ||
	    header->payload_bytes > TRACE_BLOCK_BYTES_MAX)
		return false;
	return header->type != TRACE_BLOCK_EVENTS ||
	       (header->event_count <= header->payload_bytes &&
		header->first_index < READER_INDEX_MAX && header->first_tick <= header->last_tick &&
		header->last_tick < READER_TICK_MAX &&
		(uint64_t)header->context_count * sizeof(struct trace_context) <=
		    header->payload_bytes);
}

static uint32_t block_crc32c(const unsigned char *block, const struct trace_block_header *header)
{
	struct trace_block_header blank = *header;
	uint32_t crc;

	blank.crc32c = 0;
	crc = crc32c(0, &blank, sizeof(blank));
	return crc32c(crc, block + sizeof(blank),
		      header->header_bytes - sizeof(blank) + header->payload_bytes);
}

/* Whether there is a good block at `offset`; *block_bytes: from its header to the next block, if it
 * is sane. */
static bool scan_block(struct scan *scan, uint64_t offset, struct trace_block_header *header,
		       uint64_t *block_bytes)
{
	size_t got, bytes;
	const unsigned char *block = scan_bytes(scan, offset, sizeof(*header), &got);

	header->magic = 0;
	if (got < sizeof(*header))
		return false;
	memcpy(header, block, sizeof(*header));
	if (!header_is_sane(header))
		return false;
	bytes = (size_t)header->header_bytes + header->payload_bytes;
	*block_bytes = (bytes + 7) & ~7ull;
	block = scan_bytes(scan, offset, bytes, &got);
	if (got < bytes)
		return false;
	return block_crc32c(block, header) == header->crc32c;
}

static int scan_keep(struct scan *scan, uint64_t offset, const struct trace_block_header *header)
{
	struct reader_blocks *blocks = &scan->file->blocks;
	struct reader_block *block = reader_append(&blocks->list, &blocks->count, sizeof(*block));

	if (!block)
		return -ENOMEM;
	*block = (struct reader_block){.offset = offset + header->header_bytes,
				       .first_index = header->first_index,
				       .first_tick = header->first_tick,
				       .last_tick = header->last_tick,
				       .payload_bytes = header->payload_bytes,
				       .event_count = header->event_count,
				       .context_count = header->context_count,
				       .worker = header->worker,
				       .type = header->type};
	return 0;
}

#define MAGIC_BYTES 65536 /* are looked through at once */

static bool is_zero(const unsigned char *bytes, size_t count)
{
	return count > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

/* The next place from `offset` on that has a block's magic; the file's end where there is none. */
static uint64_t scan_magic(struct scan *scan, uint64_t offset)
{
	const unsigned char *at;
	uint32_t magic;
	size_t got;

	for (;;) {
		at = scan_bytes(scan, offset, MAGIC_BYTES, &got);
		for (size_t i = 0; i + 4 <= got; i += 8) {
			memcpy(&magic, at + i, sizeof(magic));
			if (magic == TRACE_BLOCK_MAGIC)
				return offset + i;
		}
		if (got < MAGIC_BYTES)
			return scan->file->bytes;
		offset += MAGIC_BYTES;
		if (is_zero(at, got)) /* rounded down to where a block may lie, counted from where
					 this one looked */
			offset += (reader_file_next_data(scan->file, offset) - offset) & ~7ull;
	}
}

/* Where to look next after a bad block. */
static uint64_t scan_after_bad(struct scan *scan, uint64_t offset,
			       const struct trace_block_header *header, uint64_t block_bytes)
{
	bool was_summed = header_is_sane(header) && offset + block_bytes <= scan->file->bytes;

	if (was_summed) {
		if (scan->retry_bytes < block_bytes)
			return scan_magic(scan, offset + block_bytes);
		scan->retry_bytes -= block_bytes;
	}
	return scan_magic(scan, offset + 8);
}

static void scan_problem(struct scan *scan, uint64_t from, uint64_t to)
{
	if (from < to)
		reader_lines_add(&scan->file->problems, "%s: damaged from byte %llu to byte %llu",
				 scan->file->path, (unsigned long long)from,
				 (unsigned long long)to);
}

static int scan_blocks(struct scan *scan)
{
	uint64_t offset = scan->file->header.header_bytes, good_end = offset, block_bytes = 0;
	struct trace_block_header header;
	int error = 0;

	while (!error && offset < scan->file->bytes) {
		if (scan_block(scan, offset, &header, &block_bytes)) {
			scan_problem(scan, good_end, offset);
			error = scan_keep(scan, offset, &header);
			good_end = offset += block_bytes;
		} else {
			offset = scan_after_bad(scan, offset, &header, block_bytes);
		}
	}
	scan->file->good_end = good_end;
	return error;
}

/* No load is larger than the file. */
static unsigned char *window_make(const struct reader_file *file)
{
	return malloc(file->bytes < WINDOW_BYTES ? file->bytes + 1 : WINDOW_BYTES);
}

int reader_scan(struct reader_file *file)
{
	struct scan scan = {
	    .file = file, .window = window_make(file), .retry_bytes = SCAN_RETRIES * file->bytes};
	int error;

	if (!scan.window)
		return -ENOMEM;
	error = scan_blocks(&scan);
	free(scan.window);
	return error;
}

/* Whether a good block is at `offset`: what tells a trace with a broken header from something else.
 */
bool reader_scan_finds_block(const struct reader_file *file, uint64_t offset)
{
	struct scan scan = {.file = (struct reader_file *)file, .window = window_make(file)};
	struct trace_block_header header;
	uint64_t block_bytes;
	bool good;

	if (!scan.window)
		return false;
	good = scan_block(&scan, offset, &header, &block_bytes);
	free(scan.window);
	return good;
}
