/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes traces in memory, for tests and benchmarks: any header, any block, at any time, right or
 * wrong on purpose. Events go through the encoder that the drain uses; everything else is put down
 * as docs/trace-format.md says.
 *
 * Rules: builder->data is the file's bytes. Memory that cannot be had ends the program: this is a
 * test.
 */
#ifndef TRACE_BUILDER_H
#define TRACE_BUILDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/crc32c.h"
#include "segment/encoder.h"
#include "format/trace_tables.h"

struct builder {
	unsigned char *data;
	size_t bytes, capacity;
	struct encoder_words words;
	unsigned char block[sizeof(struct trace_block_header) + ENCODER_BLOCK_BYTES + 64];
};

static inline struct builder *builder_new(void)
{
	struct builder *builder = calloc(1, sizeof(*builder));

	if (!builder)
		abort();
	encoder_words_init(&builder->words);
	return builder;
}

static inline void builder_free(struct builder *builder)
{
	free(builder->data);
	free(builder);
}

static inline void *builder_put(struct builder *builder, const void *from, size_t bytes)
{
	if (builder->bytes + bytes > builder->capacity) {
		builder->capacity = 2 * (builder->bytes + bytes);
		builder->data = realloc(builder->data, builder->capacity);
		if (!builder->data)
			abort();
	}
	memcpy(builder->data + builder->bytes, from, bytes);
	builder->bytes += bytes;
	return builder->data + builder->bytes - bytes;
}

/* A header with everything that must be in it; the caller changes what it likes before
 * builder_header(). */
static inline struct trace_file_header builder_default_header(uint32_t pid)
{
	struct trace_file_header header = {.magic = TRACE_MAGIC,
					   .version = TRACE_VERSION,
					   .reader_version_min = TRACE_READER_VERSION_MIN,
					   .header_bytes = sizeof(header),
					   .pid = pid,
					   .unit_shift = 5,
					   .clock = TRACE_CLOCK_TSC,
					   .tier = TRACE_TIER_FULL,
					   .segment = 0,
					   .start_tick = 1000000,
					   .start_mono_ns = 12800000,
					   .start_real_ns = 1700000000012800000ull};

	memcpy(header.process_id, "process ........", 16);
	memcpy(header.process_id + 8, &pid, sizeof(pid));
	memcpy(header.boot_id, "boot of no place", 16);
	return header;
}

static inline void builder_header(struct builder *builder, struct trace_file_header header)
{
	header.crc32c = crc32c(0, &header, offsetof(struct trace_file_header, crc32c));
	builder_put(builder, &header, sizeof(header));
}

static inline void builder_put_block(struct builder *builder, struct trace_block_header *header,
				     const void *payload)
{
	static const char padding[8];

	header->magic = TRACE_BLOCK_MAGIC;
	header->header_bytes = sizeof(*header);
	header->crc32c = 0;
	header->crc32c = crc32c(crc32c(0, header, sizeof(*header)), payload, header->payload_bytes);
	builder_put(builder, header, sizeof(*header));
	builder_put(builder, payload, header->payload_bytes);
	builder_put(builder, padding, -header->payload_bytes & 7);
}

static inline void builder_block(struct builder *builder, uint16_t type, const void *payload,
				 size_t bytes)
{
	struct trace_block_header header = {.type = type, .payload_bytes = bytes};

	builder_put_block(builder, &header, payload);
}

/* The counter runs at 2.5 GHz from 0 at 0 ns. */
static inline uint64_t builder_counter(uint64_t ns)
{
	return ns / 2 * 5 + (ns & 1) * 2;
}

static inline void builder_clock(struct builder *builder, uint64_t ns)
{
	struct trace_clock_pair pair = {builder_counter(ns), ns, 1700000000000000000ull + ns};

	builder_block(builder, TRACE_BLOCK_CLOCK, &pair, sizeof(pair));
}

static inline void builder_text(struct builder *builder, uint16_t key, const char *text)
{
	char payload[sizeof(struct trace_text) + 1024] = {0};
	struct trace_text *entry = (struct trace_text *)payload;

	entry->key = key;
	entry->text_bytes = strlen(text);
	entry->entry_bytes = (sizeof(*entry) + entry->text_bytes + 7) & ~7u;
	memcpy(entry->text, text, entry->text_bytes);
	builder_block(builder, TRACE_BLOCK_PROCESS, payload, entry->entry_bytes);
}

/* The kinds of trace_kinds.def, all in one block. */
static inline void builder_kinds(struct builder *builder, uint16_t work_req_offset)
{
	char payload[KIND_COUNT * 48] = {0};
	size_t bytes = 0;

	for (uint32_t kind = 1; kind < KIND_COUNT; kind++) {
		struct trace_kind_entry *entry = (struct trace_kind_entry *)(payload + bytes);

		entry->kind = kind;
		entry->class = trace_kinds[kind].class;
		entry->work_req_offset =
		    trace_kinds[kind].class == KIND_CLASS_POOL ? work_req_offset : 0;
		entry->name_bytes = strlen(trace_kinds[kind].name);
		entry->entry_bytes = (sizeof(*entry) + entry->name_bytes + 7) & ~7u;
		memcpy(entry->name, trace_kinds[kind].name, entry->name_bytes);
		bytes += entry->entry_bytes;
	}
	builder_block(builder, TRACE_BLOCK_KINDS, payload, bytes);
}

static inline void builder_site(struct builder *builder, uint16_t site, uint8_t kind,
				uint64_t callback, uint64_t caller, const char *symbol)
{
	char payload[sizeof(struct trace_site_entry) + 256] = {0};
	struct trace_site_entry *entry = (struct trace_site_entry *)payload;

	entry->site = site;
	entry->kind = kind;
	entry->callback = callback;
	entry->caller = caller;
	entry->callback_symbol_bytes = strlen(symbol);
	entry->entry_bytes =
	    (offsetof(struct trace_site_entry, text) + entry->callback_symbol_bytes + 7) & ~7u;
	memcpy(entry->text, symbol, entry->callback_symbol_bytes);
	builder_block(builder, TRACE_BLOCK_SITES, payload, entry->entry_bytes);
}

static inline void builder_worker(struct builder *builder, const struct trace_worker_entry *worker,
				  const char *name)
{
	char payload[sizeof(struct trace_worker_entry) + 16] = {0};
	struct trace_worker_entry *entry = (struct trace_worker_entry *)payload;

	*entry = *worker;
	entry->name_bytes = strlen(name);
	entry->entry_bytes = (sizeof(*entry) + entry->name_bytes + 7) & ~7u;
	memcpy(entry->name, name, entry->name_bytes);
	builder_block(builder, TRACE_BLOCK_WORKERS, payload, entry->entry_bytes);
}

static inline void builder_sample(struct builder *builder, uint16_t type, uint32_t worker,
				  uint64_t tick, uint64_t a, uint64_t b, uint64_t c)
{
	struct trace_sample sample = {.entry_bytes = sizeof(sample),
				      .type = type,
				      .worker = worker,
				      .tick = tick,
				      .a = a,
				      .b = b,
				      .c = c};

	builder_block(builder, TRACE_BLOCK_SAMPLES, &sample, sizeof(sample));
}

static inline void builder_seal(struct builder *builder, uint32_t reason, uint64_t tick,
				uint64_t recorded, uint64_t lost)
{
	struct trace_seal seal = {
	    .reason = reason, .tick = tick, .recorded = recorded, .lost = lost};

	builder_block(builder, TRACE_BLOCK_SEAL, &seal, sizeof(seal));
}

/* All records of the source, in as many blocks as it takes. */
static inline void builder_events(struct builder *builder, struct encoder *encoder,
				  struct encoder_source source)
{
	struct trace_block_header *header = (struct trace_block_header *)builder->block;

	while (source.count > 0) {
		uint64_t taken = encoder_encode(encoder, &builder->words, &source, header,
						sizeof(builder->block));

		builder_put_block(builder, header, header + 1);
		source.first += taken;
		source.count -= taken;
	}
}

/* Writes what there is to a file and begins anew. */
static inline void builder_write(struct builder *builder, const char *path)
{
	FILE *file = fopen(path, "wb");

	if (!file || fwrite(builder->data, 1, builder->bytes, file) != builder->bytes ||
	    fclose(file) != 0) {
		perror(path);
		exit(1);
	}
	builder->bytes = 0;
}

#endif
