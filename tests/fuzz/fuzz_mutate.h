/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes of a directory of traces that know headers and blocks: numbers at their limits, bytes,
 * whole blocks and files, and whose process a file is. LLVMFuzzerMutate() does the rest.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "fuzz_folder.h"
#include "fuzz_input.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t bytes, size_t max);

static bool block_at(const uint8_t *data, size_t bytes, size_t at,
		     struct trace_block_header *header)
{
	if (at > bytes || bytes - at < sizeof(*header))
		return false;
	memcpy(header, data + at, sizeof(*header));
	return header->magic == TRACE_BLOCK_MAGIC && header->header_bytes >= sizeof(*header) &&
	       (size_t)header->header_bytes + header->payload_bytes <= bytes - at;
}

static size_t block_bytes(const struct trace_block_header *header)
{
	return (header->header_bytes + (size_t)header->payload_bytes + 7) & ~(size_t)7;
}

/* Where the next block begins, from `at` on; `bytes` where there is none. */
static size_t block_next(const uint8_t *data, size_t bytes, size_t at,
			 struct trace_block_header *header)
{
	while (at < bytes && !block_at(data, bytes, at, header))
		at += 8;
	return at < bytes ? at : bytes;
}

static uint64_t random_state;

static uint64_t random_number(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return below ? random_state % below : 0;
}

static void random_begin(unsigned seed)
{
	random_state = (seed + 1) * 0x9e3779b97f4a7c15ull;
}

/* Where arithmetic and tables have their ends. */
static uint64_t some_number(void)
{
	static const uint64_t edges[] = {
	    0,
	    1,
	    2,
	    7,
	    8,
	    64,
	    255,
	    256,
	    4095,
	    4096,
	    65535,
	    65536,
	    1u << 20,
	    INT32_MAX,
	    1ull << 31,
	    UINT32_MAX,
	    1ull << 40,
	    1ull << 47,
	    (1ull << 48) - 1,
	    1ull << 61,
	    (1ull << 62) - 1,
	    1ull << 62,
	    INT64_MAX,
	    1ull << 63,
	    UINT64_MAX - 7,
	    UINT64_MAX,
	    1000000000,
	    1700000000000000000ull,
	};

	return random_number(4) ? edges[random_number(sizeof(edges) / sizeof(*edges))]
				: random_number(UINT64_MAX) >> random_number(64);
}

struct field {
	uint16_t offset, bytes;
};
#define FIELD(type, name)                                                                          \
	{                                                                                          \
		offsetof(struct type, name), sizeof(((struct type *)0)->name)                      \
	}

static const struct field header_fields[] = {
    FIELD(trace_file_header, version),	     FIELD(trace_file_header, header_bytes),
    FIELD(trace_file_header, pid),	     FIELD(trace_file_header, unit_shift),
    FIELD(trace_file_header, clock),	     FIELD(trace_file_header, tier),
    FIELD(trace_file_header, segment),	     FIELD(trace_file_header, start_tick),
    FIELD(trace_file_header, start_mono_ns), FIELD(trace_file_header, start_real_ns),
    FIELD(trace_file_header, process_id),    FIELD(trace_file_header, boot_id),
};

static const struct field block_fields[] = {
    FIELD(trace_block_header, type),	      FIELD(trace_block_header, header_bytes),
    FIELD(trace_block_header, payload_bytes), FIELD(trace_block_header, worker),
    FIELD(trace_block_header, event_count),   FIELD(trace_block_header, first_index),
    FIELD(trace_block_header, first_tick),    FIELD(trace_block_header, last_tick),
    FIELD(trace_block_header, context_count),
};

static void field_set(uint8_t *at, const struct field *fields, size_t count)
{
	const struct field *field = &fields[random_number(count)];
	uint64_t number = some_number(), before = 0;
	size_t bytes = field->bytes < 8 ? field->bytes : 8;

	memcpy(&before, at + field->offset, bytes);
	if (random_number(3) == 0)
		number = before + random_number(17) - 8; /* nearby */
	memcpy(at + field->offset, &number, bytes);
}

/* A block of a file; false where there is none. */
static bool block_pick(const struct dir_file *file, size_t *at, struct trace_block_header *header)
{
	size_t places[512], count = 0;

	for (size_t from = sizeof(struct trace_file_header);
	     count < 512 &&
	     (from = block_next(file->data, file->bytes, from, header)) < file->bytes;
	     from += block_bytes(header))
		places[count++] = from;
	if (count == 0)
		return false;
	*at = places[random_number(count)];
	return block_at(file->data, file->bytes, *at, header);
}

static struct dir_file *file_pick(struct dir *dir)
{
	return &dir->files[random_number(dir->count)];
}

static void mutate_bytes(struct dir *dir)
{
	struct dir_file *file = file_pick(dir);

	if (file->bytes > 0)
		file->bytes =
		    (uint32_t)LLVMFuzzerMutate(file->data, file->bytes, FOLDER_FILE_BYTES);
}

static void mutate_header(struct dir *dir)
{
	struct dir_file *file = file_pick(dir);

	if (file->bytes >= sizeof(struct trace_file_header))
		field_set(file->data, header_fields,
			  sizeof(header_fields) / sizeof(*header_fields));
}

static void mutate_block_header(struct dir *dir)
{
	struct dir_file *file = file_pick(dir);
	struct trace_block_header header;
	size_t at;

	if (block_pick(file, &at, &header))
		field_set(file->data + at, block_fields,
			  sizeof(block_fields) / sizeof(*block_fields));
}

/* A number within a payload: most are 8 bytes long, and lie at a multiple of that. */
static void mutate_payload_number(struct dir *dir)
{
	struct dir_file *file = file_pick(dir);
	struct trace_block_header header;
	uint64_t number = some_number();
	size_t at, bytes = (size_t)1 << random_number(4);

	if (!block_pick(file, &at, &header) || header.payload_bytes < 8)
		return;
	at += header.header_bytes + random_number(header.payload_bytes - 7) / bytes * bytes;
	memcpy(file->data + at, &number, bytes);
}

static void mutate_payload_bytes(struct dir *dir)
{
	struct dir_file *file = file_pick(dir);
	struct trace_block_header header;
	size_t at;

	if (block_pick(file, &at, &header) && header.payload_bytes > 0)
		LLVMFuzzerMutate(file->data + at + header.header_bytes, header.payload_bytes,
				 header.payload_bytes);
}

static void bytes_insert(struct dir_file *file, size_t at, const uint8_t *from, size_t bytes)
{
	if (at > file->bytes || bytes > FOLDER_FILE_BYTES - file->bytes)
		return;
	memmove(file->data + at + bytes, file->data + at, file->bytes - at);
	memcpy(file->data + at, from, bytes);
	file->bytes += (uint32_t)bytes;
}

/* A block of any file once more, before a block of any file. */
static void mutate_block_copy(struct dir *dir)
{
	static uint8_t copy[FOLDER_FILE_BYTES];
	struct dir_file *from = file_pick(dir), *to = file_pick(dir);
	struct trace_block_header header, before;
	size_t at, into;

	if (!block_pick(from, &at, &header) || !block_pick(to, &into, &before))
		return;
	size_t bytes =
	    block_bytes(&header) <= from->bytes - at ? block_bytes(&header) : from->bytes - at;
	memcpy(copy, from->data + at, bytes);
	bytes_insert(to, into, copy, bytes);
}

static void mutate_block_remove(struct dir *dir)
{
	struct dir_file *file = file_pick(dir);
	struct trace_block_header header;
	size_t at;

	if (!block_pick(file, &at, &header))
		return;
	size_t end =
	    at + block_bytes(&header) < file->bytes ? at + block_bytes(&header) : file->bytes;
	memmove(file->data + at, file->data + end, file->bytes - end);
	file->bytes -= (uint32_t)(end - at);
}

/* Another segment of the same process, another process of the same boot, or of another. */
static void mutate_file_copy(struct dir *dir)
{
	const struct dir_file *file = file_pick(dir);
	struct trace_file_header header;
	uint64_t what = random_number(4);

	if (dir->count == FOLDER_FILES || file->bytes < sizeof(header))
		return;
	dir_add(dir, file->data, file->bytes, file->flags);
	struct dir_file *copy = &dir->files[dir->count - 1];
	memcpy(&header, copy->data, sizeof(header));
	header.segment += what == 0;
	header.process_id[0] += what >= 1;
	header.pid += what >= 1;
	header.boot_id[0] += what >= 2;
	memcpy(copy->data, &header, sizeof(header));
}

static void mutate_file_remove(struct dir *dir)
{
	if (dir->count > 2)
		*file_pick(dir) = dir->files[--dir->count];
}

/* What says whose file it is, or when it began, as in another file. */
static void mutate_identity(struct dir *dir)
{
	const struct dir_file *from = file_pick(dir);
	struct dir_file *to = file_pick(dir);
	static const struct field parts[] = {
	    FIELD(trace_file_header, process_id),    FIELD(trace_file_header, boot_id),
	    FIELD(trace_file_header, pid),	     FIELD(trace_file_header, start_tick),
	    FIELD(trace_file_header, start_mono_ns), FIELD(trace_file_header, start_real_ns),
	};
	const struct field *part = &parts[random_number(sizeof(parts) / sizeof(*parts))];

	if (from->bytes >= sizeof(struct trace_file_header) &&
	    to->bytes >= sizeof(struct trace_file_header))
		memmove(to->data + part->offset, from->data + part->offset, part->bytes);
}

static void mutate_flags(struct dir *dir)
{
	file_pick(dir)->flags ^= 1u << random_number(2);
}

static void mutate(struct dir *dir)
{
	static void (*const ways[])(struct dir *) = {
	    mutate_bytes,	   mutate_header,	 mutate_header,
	    mutate_block_header,   mutate_block_header,	 mutate_payload_number,
	    mutate_payload_number, mutate_payload_bytes, mutate_payload_bytes,
	    mutate_block_copy,	   mutate_block_remove,	 mutate_file_copy,
	    mutate_file_remove,	   mutate_identity,	 mutate_flags,
	};

	for (uint64_t times = 1 + random_number(4); times > 0; times--)
		ways[random_number(sizeof(ways) / sizeof(*ways))](dir);
	if (dir->count < 2)
		mutate_file_copy(dir);
}

#endif
