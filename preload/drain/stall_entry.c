/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog_internal.h. Of the stack and of the registers only what points into code or into the
 * stack is written: what unwinding needs.
 */
#include "watchdog_internal.h"

#include <string.h>

#define WORDS_MAX 1500 /* of one stack that are kept */

static uint64_t tick_of(const struct watchdog *watchdog, uint64_t counter)
{
	return counter >> watchdog->segment->header.unit_shift;
}

/* A frame pointer to beyond what was read says that a frame ends there. */
static bool is_worth_keeping(const struct watchdog *watchdog, const struct probe *probe,
			     uint64_t value)
{
	uint64_t address = value & TRACE_OBJECT_MASK; /* without a return address's signature */

	return value - probe->sp < LOOK_STACK_BYTES ||
	       modules_is_code(&watchdog->segment->modules, address);
}

static uint32_t registers_put(const struct watchdog *watchdog, const struct probe *probe,
			      uint64_t *to)
{
	for (uint32_t i = 0; i < probe->register_count; i++)
		to[i] = is_worth_keeping(watchdog, probe, probe->registers[i]) ? probe->registers[i]
									       : 0;
	return probe->register_count;
}

static uint32_t words_put(const struct watchdog *watchdog, const struct probe *probe, uint64_t *to)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < probe->stack_bytes / sizeof(uint64_t) && count < WORDS_MAX; i++)
		if (is_worth_keeping(watchdog, probe, probe->stack[i]))
			to[count++] = trace_word(probe->stack[i] & TRACE_OBJECT_MASK, i);
	return count;
}

static void poll_put(const struct watchdog *watchdog, const struct watchdog_poll *poll,
		     struct trace_stall_entry *entry)
{
	entry->worker = poll->worker;
	entry->machine = stall_probe_machine;
	entry->poll_word = poll->word;
	entry->poll_tick = tick_of(watchdog, poll->counter);
	entry->base_tick = tick_of(watchdog, poll->base_counter);
	entry->base_cpu_ns = poll->base.cpu.cpu_ns;
	entry->base_wait_ns = poll->base.cpu.wait_ns;
	entry->suppressed = poll->suppressed;
	entry->syscall = LOOK_SYSCALL_UNKNOWN;
}

static void look_put(const struct watchdog *watchdog, struct trace_stall_entry *entry)
{
	const struct probe *probe = &prober.probe;

	poll_put(watchdog, &prober.poll, entry);
	entry->type = TRACE_STALL_LOOK;
	entry->tick = tick_of(watchdog, prober.counter);
	entry->cpu_ns = prober.has_cpu ? prober.cpu.cpu.cpu_ns : 0;
	entry->wait_ns = prober.has_cpu ? prober.cpu.cpu.wait_ns : 0;
	entry->state = probe->state;
	entry->syscall = probe->syscall;
	memcpy(entry->arguments, probe->arguments, sizeof(entry->arguments));
	entry->sp = probe->sp;
	entry->pc = probe->pc;
	entry->frame_sp = probe->frame_sp;
	entry->blocker = probe->blocker;
	entry->stack_bytes = probe->stack_bytes;
	entry->error = (uint32_t)-probe->error;
	entry->register_count = (uint8_t)registers_put(watchdog, probe, entry->data);
	entry->word_count = words_put(watchdog, probe, entry->data + entry->register_count);
	entry->object_bytes = (uint16_t)strnlen(probe->object, sizeof(probe->object));
	memcpy(entry->data + entry->register_count + entry->word_count, probe->object,
	       entry->object_bytes);
}

/* Behind the object, at the next multiple of 8. */
static void scripts_put(const struct segment *segment, struct trace_stall_entry *entry)
{
	uint32_t words = entry->register_count + entry->word_count +
			 (entry->object_bytes + 7u) / (uint32_t)sizeof(uint64_t);

	entry->script_count = (uint16_t)prober.scripts.count;
	entry->script_status = prober.scripts.status;
	segment_script_frames(segment, &prober.scripts,
			      (struct trace_script_frame *)(void *)(entry->data + words));
	entry->entry_bytes =
	    (uint32_t)(sizeof(*entry) + words * sizeof(uint64_t) +
		       entry->script_count * sizeof(struct trace_script_frame));
}

static void notes_put(struct segment *segment, uint64_t now_ns)
{
	const char *note;

	for (uint32_t i = 0; (note = runtimes_note(i)) != NULL; i++)
		segment_put_script_note(segment, note, now_ns);
}

/* An entry is made as large as it may become, then given out as large as it is. */
void stall_write_look(struct watchdog *watchdog)
{
	static union {
		struct trace_stall_entry entry;
		char bytes[TRACE_STALL_ENTRY_BYTES_MAX];
	} whole;
	struct segment *segment = watchdog->segment;
	struct trace_stall_entry *entry = &whole.entry, *place;

	memset(&whole, 0, sizeof(whole));
	segment_update_modules(segment, watchdog->now_ns);
	notes_put(segment, watchdog->now_ns);
	segment_put_script_texts(segment, &prober.scripts, watchdog->now_ns);
	look_put(watchdog, entry);
	scripts_put(segment, entry);
	entries_begin(&segment->entries, TRACE_BLOCK_STALLS);
	place = entries_add(segment, &segment->entries, &entry->entry_bytes, watchdog->now_ns);
	if (place)
		memcpy(place, entry, entry->entry_bytes);
	entries_flush(segment, &segment->entries, watchdog->now_ns);
}

void stall_write_end(struct watchdog *watchdog, const struct watchdog_poll *poll, uint32_t tid)
{
	struct segment *segment = watchdog->segment;
	struct trace_stall_entry *entry;
	uint32_t bytes = sizeof(*entry);
	union sampler_values cpu;

	entries_begin(&segment->entries, TRACE_BLOCK_STALLS);
	entry = entries_add(segment, &segment->entries, &bytes, watchdog->now_ns);
	if (entry) {
		poll_put(watchdog, poll, entry);
		entry->entry_bytes = bytes;
		entry->type = TRACE_STALL_END;
		entry->tick = tick_of(watchdog, watchdog->now_counter);
		if (sampler_read_cpu(segment->proc_pid, tid, &cpu)) {
			entry->cpu_ns = cpu.cpu.cpu_ns;
			entry->wait_ns = cpu.cpu.wait_ns;
		}
	}
	entries_flush(segment, &segment->entries, watchdog->now_ns);
}
