/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader of names on recorded memory with words changed: what the fuzzers of V8's and of
 * CPython's names share. A target has the functions that are declared first.
 *
 * An input: a byte that chooses the recording, then changes of 11 bytes: which word of those that
 * the reader reads, or of the thread; how it is changed; and by what. The most telling change gives
 * a pointer to an object the place of another.
 * What must hold (fuzz_told.h), whatever is changed: no access out of bounds (sanitizers), no more
 * reads than are allowed, texts that are UTF-8 without control characters, frames within their
 * tables. Of names:
 *
 * 1. Where pointers to objects were exchanged for others, outside of texts: each name and file is
 *    the text of a string that is there.
 * 2. Where no word was changed that names are read from, and none became an object: name and file
 *    together are those of one function that is there. What the thread has in its registers and on
 *    its stack may be changed, too.
 * 3. Where the thread was not changed: a frame for which no changed word was read is told as it was
 *    before, or as not known. (Where frames are read one by one.)
 */
#ifndef FUZZ_CHANGED_H
#define FUZZ_CHANGED_H

#include "fuzz_recorded.h"

/* Makes the reader ready for a recording, once. */
static bool target_open(struct recorded *of);
static void target_walk(bool with_lines);
/* The object at an address, a multiple of 8: a pointer to it, or 0 where there is none. */
static uint64_t target_object(uint64_t address);
/* A pointer to an object that is no type (of an object its type says what it is). */
static bool target_is_plain(uint64_t pointer);
/* What object begins with this word, or has its type there; 0: none. */
static uint64_t target_kind(uint64_t address);
/* Such a word says nothing of what other objects are. */
static bool target_is_word_of_one(uint64_t value);
static bool target_text(uint64_t object, char *to, size_t bytes);
/* Name and file of a function's object; false: it is none. */
static bool target_function(uint64_t object, char name[SCRIPT_FUNCTION_BYTES_MAX],
			    char file[SCRIPT_FILE_BYTES_MAX]);
static const bool target_reads_by_frame;

static struct recorded *recordings;
static uint32_t recording_count;

enum noting { NOTE_NOTHING, NOTE_PLACES, NOTE_NAMES, NOTE_TEXTS };

static struct {
	struct recorded *of;
	struct runtime_thread thread;
	uint32_t word_count;
	struct {
		uint64_t *at, value;
	} words[CHANGES_MAX]; /* of the stack, as they were */
	uint32_t change_count;
	struct place changes[CHANGES_MAX];
	uint32_t asked;
	enum noting noting; /* which words are read, and what for */
	bool thread_changed, only_exchanged, names_as_they_were;
	uint64_t frames; /* that a changed word was read for */
} run;

static struct remote_memory memory;
static struct script_stack stack;

/* ---- Memory ---------------------------------------------------------------------------------- */

static void change_apply(const struct place *change, uint64_t address, uint8_t *out, uint64_t bytes)
{
	if (change->address >= address + bytes || change->address + 8 <= address)
		return;
	for (uint64_t k = 0; k < 8; k++)
		if (change->address + k - address < bytes)
			out[change->address + k - address] = (uint8_t)(change->value >> 8 * k);
}

/* Whole pages; then the changes that lie in what was asked for. */
static int64_t source(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	uint8_t *out = to;

	(void)pid;
	run.asked++;
	for (uint64_t done = 0, part; done < bytes; done += part) {
		uint64_t at = address + done, offset = at % REMOTE_PAGE_BYTES;
		const struct recording_page *page = page_at(run.of, at - offset);

		part = REMOTE_PAGE_BYTES - offset;
		part = part < bytes - done ? part : bytes - done;
		if (!page)
			return done ? (int64_t)done : -14;
		memcpy(out + done, page->bytes + offset, part);
	}
	for (uint32_t i = 0; i < run.change_count; i++)
		change_apply(&run.changes[i], address, out, bytes);
	return (int64_t)bytes;
}

static void walk(bool with_lines)
{
	remote_forget(&memory);
	script_stack_clear(&stack);
	run.asked = 0;
	target_walk(with_lines);
	check(memory.reads <= REMOTE_READS_MAX || with_lines, "too many reads");
}

static void thread_set(struct recorded *of)
{
	run.of = of;
	run.change_count = run.word_count = 0;
	run.frames = 0;
	run.thread_changed = false;
	run.only_exchanged = run.names_as_they_were = true;
	run.thread = (struct runtime_thread){.tid = (uint32_t)of->head.tid,
					     .is_stopped = of->head.is_stopped,
					     .sp = of->head.sp,
					     .pc = of->head.pc,
					     .fp = of->head.fp,
					     .thread_pointer = of->head.thread_pointer,
					     .stack = of->stack,
					     .stack_words = of->head.stack_words};
}

/* ---- Which words are read -------------------------------------------------------------------- */

#define LOG_MAX 65536u

/* Of the walk: which place, and how many frames there were when it was read. */
static struct {
	uint32_t count;
	struct {
		uint32_t place, frames;
	} of[LOG_MAX];
} reads;

bool __real_remote_read(struct remote_memory *of, uint64_t address, void *to, size_t bytes);
uint64_t __real_remote_u64(struct remote_memory *of, uint64_t address);
uint32_t __real_remote_u32(struct remote_memory *of, uint64_t address);
bool __wrap_remote_read(struct remote_memory *of, uint64_t address, void *to, size_t bytes);
uint64_t __wrap_remote_u64(struct remote_memory *of, uint64_t address);
uint32_t __wrap_remote_u32(struct remote_memory *of, uint64_t address);

static uint32_t place_of(struct recorded *of, uint64_t address)
{
	const struct recording_page *page =
	    page_at(of, address & ~(uint64_t)(REMOTE_PAGE_BYTES - 1));

	for (uint32_t i = 0; i < of->place_count; i++)
		if (of->places[i].address == address)
			return i;
	if (!page || of->place_count == WORDS_MAX)
		return WORDS_MAX;
	of->places[of->place_count].address = address;
	of->places[of->place_count].frames = 0;
	memcpy(&of->places[of->place_count].value, page->bytes + address % REMOTE_PAGE_BYTES, 8);
	return of->place_count++;
}

static void place_note(uint64_t address)
{
	uint32_t place = place_of(run.of, address);

	if (place == WORDS_MAX || reads.count == LOG_MAX)
		return;
	reads.of[reads.count].place = place;
	reads.of[reads.count++].frames = stack.count;
}

static void read_note(uint64_t address, size_t bytes)
{
	if (run.noting == NOTE_NOTHING)
		return;
	for (uint64_t at = address & ~7ull; at < address + bytes && at < address + 256; at += 8) {
		if (run.noting == NOTE_PLACES)
			place_note(at);
		else
			hash_add(run.noting == NOTE_NAMES ? &run.of->name_words
							  : &run.of->text_words,
				 at);
	}
}

bool __wrap_remote_read(struct remote_memory *of, uint64_t address, void *to, size_t bytes)
{
	read_note(address, bytes);
	return __real_remote_read(of, address, to, bytes);
}

uint64_t __wrap_remote_u64(struct remote_memory *of, uint64_t address)
{
	read_note(address, 8);
	return __real_remote_u64(of, address);
}

uint32_t __wrap_remote_u32(struct remote_memory *of, uint64_t address)
{
	read_note(address, 4);
	return __real_remote_u32(of, address);
}

/* All frames that share one of the native stack with frame `i`. */
static uint64_t frames_with(const struct recorded *of, uint32_t i)
{
	uint64_t mask = 0;

	for (uint32_t k = 0; i < of->told_count && k < of->told_count; k++)
		mask |= of->told[k].frame == of->told[i].frame ? 1ull << k : 0;
	return mask;
}

/* What was read before there was a frame, or of the stack, may matter to each. A frame that was
 * added may have been taken back: then what was read since was for that which came in its place. */
static void reads_settle(struct recorded *of)
{
	uint32_t fewest = TRACE_SCRIPT_FRAMES_MAX;

	for (uint32_t i = reads.count; i-- > 0;) {
		struct place *place = &of->places[reads.of[i].place];

		fewest = reads.of[i].frames < fewest ? reads.of[i].frames : fewest;
		if (!target_reads_by_frame || fewest == 0 ||
		    place->address - of->head.sp < 8u << 20)
			place->frames = ~0ull;
		for (uint32_t k = fewest ? fewest - 1 : 0; k <= reads.of[i].frames; k++)
			place->frames |= frames_with(of, k);
	}
	reads.count = 0;
}

/* ---- Changes --------------------------------------------------------------------------------- */

static const struct place *exchange_of(const struct recorded *of, uint64_t by)
{
	return &of->places[of->exchanges[by % of->exchange_count]];
}

static uint64_t changed(uint64_t value, uint32_t how, uint64_t by)
{
	switch (how % 8) {
	case 0:
		return value ^ 1ull << by % 64;
	case 1:
		return value + by % 256 - 128;
	case 2:
		return by << (how >> 3 & 31);
	case 3:
		return (by & 0xffff) << 32;
	default: /* a word that lies elsewhere */
		return run.of->places[by % run.of->place_count].value;
	}
}

/* A register, or a word of the stack as it was copied. */
static uint64_t *thread_word(uint32_t index)
{
	uint64_t *registers[] = {&run.thread.sp, &run.thread.pc, &run.thread.fp,
				 &run.thread.thread_pointer};
	uint32_t count = run.thread.stack_words < 2048 ? run.thread.stack_words : 2048;

	if (index % 64 < 4 || !count || run.word_count == CHANGES_MAX)
		return registers[index % 4];
	run.words[run.word_count].at = &run.of->stack[index / 64 % count];
	run.words[run.word_count].value = *run.words[run.word_count].at;
	return run.words[run.word_count++].at;
}

static void thread_change(uint32_t index, uint32_t how, uint64_t by)
{
	uint64_t *word = thread_word(index);

	*word = changed(*word, how, by);
	run.thread_changed = true;
}

static void thread_restore(void)
{
	while (run.word_count > 0) {
		run.word_count--;
		*run.words[run.word_count].at = run.words[run.word_count].value;
	}
}

static void change_keep(const struct place *place, uint64_t value)
{
	struct place *change = &run.changes[run.change_count++];

	*change = *place;
	change->value = value;
	run.frames |= place->frames;
}

static void changes_make(const uint8_t *data, size_t bytes)
{
	const struct recorded *of = run.of;

	for (; bytes >= CHANGE_BYTES && run.change_count < CHANGES_MAX;
	     data += CHANGE_BYTES, bytes -= CHANGE_BYTES) {
		uint32_t index = data[0] | (uint32_t)data[1] << 8, how = data[2];
		const struct place *place = &of->places[index % of->place_count];
		uint64_t by;

		memcpy(&by, data + 3, 8);
		if (how >= 0xe0) {
			thread_change(index, how, by);
		} else if (how >= 0x60 && of->exchange_count) {
			change_keep(exchange_of(of, index), exchange_of(of, by)->value);
		} else {
			run.only_exchanged = false;
			change_keep(place, changed(place->value, how, by));
		}
	}
	run.only_exchanged = run.only_exchanged && !run.thread_changed;
}

/* Whether no function has another name than before, and no word became a function. */
static bool names_are_as_they_were(void)
{
	bool holds = true;

	for (uint32_t i = 0; i < run.change_count; i++)
		holds = holds && run.changes[i].is_free;
	remote_forget(&memory);
	for (uint32_t i = 0; holds && i < run.change_count; i++)
		holds = target_kind(run.changes[i].address) == run.changes[i].kind;
	return holds;
}

#endif
