/* SPDX-License-Identifier: Apache-2.0
 *
 * See thread_sample.h and watchdog_internal.h. Of the stack and of the registers only what points
 * into code or into the stack is written: what unwinding needs.
 */
#include "watchdog_internal.h"

#include <string.h>

#define WORDS_MAX	  1500 /* of one stack that are kept */
#define PROFILE_WORDS_MAX 256

static uint64_t tick_of(const struct segment *segment, uint64_t counter)
{
	return counter >> segment->header.unit_shift;
}

/* A frame pointer to beyond what was read says that a frame ends there. */
static bool is_worth_keeping(const struct segment *segment, const struct probe *probe,
			     uint64_t value)
{
	uint64_t address = value & TRACE_OBJECT_MASK; /* without a return address's signature */

	return value - probe->sp < PROBE_STACK_BYTES || modules_is_code(&segment->modules, address);
}

static uint32_t registers_put(const struct segment *segment, const struct probe *probe,
			      uint64_t *to)
{
	for (uint32_t i = 0; i < probe->register_count; i++)
		to[i] =
		    is_worth_keeping(segment, probe, probe->registers[i]) ? probe->registers[i] : 0;
	return probe->register_count;
}

static uint32_t words_put(const struct segment *segment, const struct probe *probe, uint64_t *to,
			  uint32_t count_max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < probe->stack_bytes / sizeof(uint64_t) && count < count_max; i++)
		if (is_worth_keeping(segment, probe, probe->stack[i]))
			to[count++] = trace_word(probe->stack[i] & TRACE_OBJECT_MASK, i);
	return count;
}

static void poll_put(const struct segment *segment, const struct stall_poll *poll,
		     struct trace_stall_entry *entry)
{
	entry->worker = poll->worker;
	entry->machine = stall_probe_machine;
	entry->poll_word = poll->word;
	entry->poll_tick = tick_of(segment, poll->counter);
	entry->base_tick = tick_of(segment, poll->base_counter);
	entry->base_cpu_ns = poll->base.cpu.cpu_ns;
	entry->base_wait_ns = poll->base.cpu.wait_ns;
	entry->suppressed = poll->suppressed;
	entry->syscall = PROBE_SYSCALL_UNKNOWN;
}

/* What is seen of the thread itself, whatever the sample is for. */
static void probe_put(const struct segment *segment, const struct thread_sample *sample,
		      struct trace_stall_entry *entry, uint32_t words_max)
{
	const struct probe *probe = &sample->probe;

	entry->type = TRACE_STALL_LOOK;
	entry->machine = stall_probe_machine;
	entry->tick = tick_of(segment, sample->counter);
	entry->state = probe->state;
	entry->syscall = probe->syscall;
	memcpy(entry->arguments, probe->arguments, sizeof(entry->arguments));
	entry->sp = probe->sp;
	entry->pc = probe->pc;
	entry->frame_sp = probe->frame_sp;
	entry->blocker = probe->blocker;
	entry->stack_bytes = probe->stack_bytes;
	entry->error = (uint32_t)-probe->error;
	entry->register_count = (uint8_t)registers_put(segment, probe, entry->data);
	entry->word_count =
	    words_put(segment, probe, entry->data + entry->register_count, words_max);
	entry->object_bytes = (uint16_t)strnlen(probe->object, sizeof(probe->object));
	memcpy(entry->data + entry->register_count + entry->word_count, probe->object,
	       entry->object_bytes);
}

static void look_put(const struct segment *segment, const struct thread_sample *sample,
		     struct trace_stall_entry *entry)
{
	poll_put(segment, &sample->poll, entry);
	probe_put(segment, sample, entry, WORDS_MAX);
	entry->cpu_ns = sample->has_cpu ? sample->cpu.cpu.cpu_ns : 0;
	entry->wait_ns = sample->has_cpu ? sample->cpu.cpu.wait_ns : 0;
}

/* Behind the object, at the next multiple of 8. */
static void scripts_put(const struct segment *segment, const struct script_stack *scripts,
			struct trace_stall_entry *entry)
{
	uint32_t words = entry->register_count + entry->word_count +
			 (entry->object_bytes + 7u) / (uint32_t)sizeof(uint64_t);

	entry->script_count = (uint16_t)scripts->count;
	entry->script_status = scripts->status;
	segment_script_frames(segment, scripts,
			      (struct trace_script_frame *)(void *)(entry->data + words));
	entry->entry_bytes = (uint32_t)(sizeof(*entry) + words * sizeof(uint64_t) +
					entry->script_count * sizeof(struct trace_script_frame));
}

static void notes_put(struct segment *segment, uint64_t now_ns)
{
	const char *note;

	for (uint32_t i = 0; (note = runtimes_note(i)) != NULL; i++)
		segment_put_script_note(segment, note, now_ns);
}

/* An entry is made as large as it may become, then given out as large as it is. */
static union {
	struct trace_stall_entry entry;
	char bytes[TRACE_STALL_ENTRY_BYTES_MAX];
} whole;

static struct trace_stall_entry *entry_begin(struct segment *segment,
					     const struct thread_sample *sample, uint64_t now_ns)
{
	memset(&whole, 0, sizeof(whole));
	notes_put(segment, now_ns);
	segment_put_script_texts(segment, &sample->scripts, now_ns);
	return &whole.entry;
}

static void entry_write(struct segment *segment, const struct thread_sample *sample, uint16_t block,
			uint64_t now_ns)
{
	struct trace_stall_entry *place;

	scripts_put(segment, &sample->scripts, &whole.entry);
	entries_begin(&segment->entries, block);
	place = entries_add(segment, &segment->entries, &whole.entry.entry_bytes, now_ns);
	if (place)
		memcpy(place, &whole, whole.entry.entry_bytes);
	entries_flush(segment, &segment->entries, now_ns);
}

void thread_sample_write(struct segment *segment, const struct thread_sample *sample,
			 uint64_t now_ns)
{
	segment_update_modules(segment, now_ns);
	look_put(segment, sample, entry_begin(segment, sample, now_ns));
	entry_write(segment, sample, TRACE_BLOCK_STALLS, now_ns);
}

void thread_sample_write_profile(struct segment *segment, const struct thread_sample *sample,
				 uint32_t left_out, uint64_t now_ns)
{
	struct trace_stall_entry *entry = entry_begin(segment, sample, now_ns);

	probe_put(segment, sample, entry, PROFILE_WORDS_MAX);
	entry->worker = sample->poll.worker;
	entry->poll_tick = entry->base_tick = entry->tick;
	entry->suppressed = left_out;
	entry_write(segment, sample, TRACE_BLOCK_PROFILE, now_ns);
}

void stall_write_end(struct watchdog *watchdog, const struct stall_poll *poll, uint32_t tid)
{
	struct segment *segment = watchdog->segment;
	struct trace_stall_entry *entry;
	uint32_t bytes = sizeof(*entry);
	union sampler_values cpu;

	entries_begin(&segment->entries, TRACE_BLOCK_STALLS);
	entry = entries_add(segment, &segment->entries, &bytes, watchdog->now_ns);
	if (entry) {
		poll_put(segment, poll, entry);
		entry->entry_bytes = bytes;
		entry->type = TRACE_STALL_END;
		entry->tick = tick_of(segment, watchdog->now_counter);
		if (sampler_read_cpu(segment->proc_pid, tid, &cpu)) {
			entry->cpu_ns = cpu.cpu.cpu_ns;
			entry->wait_ns = cpu.cpu.wait_ns;
		}
	}
	entries_flush(segment, &segment->entries, watchdog->now_ns);
}
