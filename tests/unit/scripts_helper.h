/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces with functions of scripts: texts, and stall samples with script frames behind them.
 */
#ifndef SCRIPTS_HELPER_H
#define SCRIPTS_HELPER_H

#include "reader_helper.h"

static inline void put_script_text(struct builder *builder, uint32_t id, const char *text)
{
	char payload[sizeof(struct trace_script_text) + 1024] = {0};
	struct trace_script_text *entry = (struct trace_script_text *)payload;

	entry->id = id;
	entry->text_bytes = (uint32_t)strlen(text);
	entry->entry_bytes =
	    (uint32_t)(offsetof(struct trace_script_text, text) + entry->text_bytes + 7) & ~7u;
	memcpy(entry->text, text, entry->text_bytes);
	builder_block(builder, TRACE_BLOCK_SCRIPT_TEXTS, payload, entry->entry_bytes);
}

/* A sample with its object and frames. `missing`: so many bytes less than they need. */
static inline void put_script_look(struct builder *builder, struct trace_stall_entry entry,
				   const char *object, const struct trace_script_frame *frames,
				   uint16_t frame_count, uint32_t missing)
{
	unsigned char payload[8192] = {0};
	size_t bytes = sizeof(entry) + strlen(object);

	memcpy(payload + sizeof(entry), object, strlen(object));
	bytes = (bytes + 7) & ~(size_t)7;
	memcpy(payload + bytes, frames, frame_count * sizeof(*frames));
	bytes += frame_count * sizeof(*frames) - missing;
	entry.object_bytes = (uint16_t)strlen(object);
	entry.script_count = frame_count;
	entry.entry_bytes = (uint32_t)bytes;
	memcpy(payload, &entry, sizeof(entry));
	builder_block(builder, TRACE_BLOCK_STALLS, payload, bytes);
}

/* A loop worker that sleeps in a system call `at_ns`, in a timer's callback since 100 ms. */
static inline struct trace_stall_entry script_look(uint64_t at_ns)
{
	return (struct trace_stall_entry){
	    .worker = 1,
	    .type = TRACE_STALL_LOOK,
	    .state = 'S',
	    .machine = TRACE_MACHINE_X86_64,
	    .poll_word = trace_word(0x5000, TRACE_CODE_POLL + 2),
	    .poll_tick = builder_counter(100000000) >> 5,
	    .base_tick = builder_counter(110000000) >> 5,
	    .base_cpu_ns = 1000000,
	    .base_wait_ns = 1000000,
	    .cpu_ns = 1000001,
	    .wait_ns = 1000001,
	    .tick = builder_counter(at_ns) >> 5,
	    .syscall = 257, /* openat */
	    .arguments = {7, 2},
	    .sp = 0x7ffd00001000,
	    .pc = 0x7f0000001000,
	    .frame_sp = 0x7ffd00009000,
	    .script_status = TRACE_SCRIPT_WHOLE,
	};
}

static inline struct builder *script_builder(void)
{
	struct builder *builder = builder_new();

	builder_header(builder, builder_default_header(77));
	builder_clock(builder, 20000000);
	builder_clock(builder, 2000000000);
	builder_kinds(builder, 64);
	builder_site(builder, 2, KIND_TIMER, 0x401000, 0x402000, "on_timer");
	builder_worker(
	    builder,
	    &(struct trace_worker_entry){.worker = 1, .tid = 4711, .role = TRACE_ROLE_LOOP},
	    "loop");
	return builder;
}

#endif
