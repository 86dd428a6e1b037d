/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: V8's names out of memory that real samples have read (tests/names/v8_record.h),
 * with words changed. FUZZ_NAMES is a folder of recordings of one build of node; where there is
 * none, the target has nothing to do.
 *
 * An input: a byte that chooses the recording, then changes of 11 bytes: which word of those that
 * the reader reads, or of the thread; how it is changed; and by what. The most telling change gives
 * it a word that lies elsewhere.
 *
 * What must hold: no access out of bounds (sanitizers), no more reads than are allowed, texts that
 * are UTF-8 without control characters, frames within their tables; and where only words that point
 * to objects were exchanged for others, every name that is told is the text of a string that is
 * there.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz_recorded.h"
#include "observe/stall_probe.h"
#include "runtimes/v8_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct recorded *recordings;
static uint32_t recording_count;

static struct {
	const struct recorded *of;
	struct runtime_thread thread;
	uint32_t word_count;
	struct {
		uint64_t *at, value;
	} words[CHANGES_MAX]; /* of the stack, as they were */
	uint32_t change_count;
	struct place changes[CHANGES_MAX];
	uint32_t asked;
	bool noting; /* which words are read */
	bool pointers_only;
} run;

static struct remote_memory memory;
static struct script_stack stack;

/* ---- Memory ---------------------------------------------------------------------------------- */

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
		for (uint64_t k = 0; k < 8; k++)
			if (run.changes[i].address + k - address < bytes)
				out[run.changes[i].address + k - address] =
				    (uint8_t)(run.changes[i].value >> 8 * k);
	return (int64_t)bytes;
}

/* Here, as the mappings are the recording's. */
bool runtimes_in_file(uint64_t address)
{
	for (uint32_t i = 0; i < run.of->head.range_count; i++)
		if (address >= run.of->head.ranges[i][0] && address < run.of->head.ranges[i][1])
			return true;
	return false;
}

/* To count lines takes long: not each time. */
static void walk(bool with_lines)
{
	remote_forget(&memory);
	script_stack_clear(&stack);
	run.asked = 0;
	runtime_v8.walk(&memory, &run.thread, &stack);
	check(memory.reads <= REMOTE_READS_MAX && run.asked <= REMOTE_READS_MAX, "too many reads");
	if (with_lines)
		runtime_v8.lines(&memory, &stack);
}

static void thread_set(const struct recorded *of)
{
	run.of = of;
	run.change_count = run.word_count = 0;
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

bool __real_remote_read(struct remote_memory *of, uint64_t address, void *to, size_t bytes);
uint64_t __real_remote_u64(struct remote_memory *of, uint64_t address);
uint32_t __real_remote_u32(struct remote_memory *of, uint64_t address);
bool __wrap_remote_read(struct remote_memory *of, uint64_t address, void *to, size_t bytes);
uint64_t __wrap_remote_u64(struct remote_memory *of, uint64_t address);
uint32_t __wrap_remote_u32(struct remote_memory *of, uint64_t address);

static void place_note(uint64_t address)
{
	struct recorded *of = recordings + (run.of - recordings);
	const struct recording_page *page;

	address &= ~7ull;
	page = page_at(of, address & ~(uint64_t)(REMOTE_PAGE_BYTES - 1));
	for (uint32_t i = 0; i < of->place_count; i++)
		if (of->places[i].address == address)
			return;
	if (!page || of->place_count == WORDS_MAX)
		return;
	of->places[of->place_count].address = address;
	memcpy(&of->places[of->place_count++].value, page->bytes + address % REMOTE_PAGE_BYTES, 8);
}

static void read_note(uint64_t address, size_t bytes)
{
	for (size_t i = 0; run.noting && i < bytes && i < 256; i += 8)
		place_note(address + i);
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

/* ---- What is told ---------------------------------------------------------------------------- */

static void text_check(uint32_t at)
{
	check(at == 0 || (at < stack.text_bytes && stack.text[at - 1] == '\0'), "a text's place");
	check(is_utf8(stack.text + at), "a text");
	check(strlen(stack.text + at) < SCRIPT_FILE_BYTES_MAX, "a text's length");
}

static void stack_check(void)
{
	check(stack.count <= TRACE_SCRIPT_FRAMES_MAX && stack.status <= TRACE_SCRIPT_LOST &&
		  stack.text_bytes <= SCRIPT_TEXT_BYTES,
	      "the stack");
	check(stack.count == 0 || stack.status == TRACE_SCRIPT_WHOLE ||
		  stack.status == TRACE_SCRIPT_CUT,
	      "frames of a stack that was lost");
	for (uint32_t i = 0; i < stack.count; i++) {
		const struct script_frame *frame = &stack.frames[i];

		check(frame->kind <= TRACE_SCRIPT_ENTRY && frame->flags < 16, "a frame's kind");
		check(i == 0 || frame->frame >= stack.frames[i - 1].frame, "the order of frames");
		check(frame->position >= 0 || frame->line == 0, "a line without a position");
		text_check(frame->function);
		text_check(frame->file);
	}
}

/* ---- Names that there are -------------------------------------------------------------------- */

static bool name_is_known(const char *name)
{
	uint64_t hash = hash_of(name);

	return bsearch(&hash, run.of->names, run.of->name_count, sizeof(hash), hash_compare);
}

/* Both lengths at which texts are cut. */
static void name_add(struct recorded *of, uint64_t string)
{
	static const size_t lengths[] = {SCRIPT_FUNCTION_BYTES_MAX, SCRIPT_FILE_BYTES_MAX};

	for (size_t i = 0; i < 2 && of->name_count < NAMES_MAX; i++) {
		char text[SCRIPT_FILE_BYTES_MAX];

		remote_forget(&memory);
		if (v8_string(&memory, string, text, lengths[i]))
			of->names[of->name_count++] = hash_of(text);
	}
}

/* Of every word of the recording that leads to a string. */
static void names_find(struct recorded *of)
{
	of->names = calloc(NAMES_MAX, sizeof(*of->names));
	for (uint32_t i = 0; i < of->head.page_count; i++)
		for (uint32_t k = 0; k < REMOTE_PAGE_BYTES; k += 8) {
			uint64_t word;

			memcpy(&word, of->pages[i].bytes + k, 8);
			if (v8_is_object(word) &&
			    page_at(of, (word - 1) & ~(uint64_t)(REMOTE_PAGE_BYTES - 1)))
				name_add(of, word);
		}
	check(of->name_count < NAMES_MAX, "more names than fit");
	qsort(of->names, of->name_count, sizeof(*of->names), hash_compare);
}

static void names_check(void)
{
	for (uint32_t i = 0; i < stack.count; i++) {
		const char *name = stack.text + stack.frames[i].function;
		const char *file = stack.text + stack.frames[i].file;

		check(!*name || name_is_known(name), "a name that is nowhere");
		check(!*file || name_is_known(file), "a file that is nowhere");
	}
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Points to an object that is no map: what an object is, its map says. (The map of maps is its
 * own.) */
static bool is_pointer(uint64_t word)
{
	uint64_t map = v8_is_object(word) ? v8_field(&memory, word, 0) : 0;

	return v8_type(&memory, word) != 0 && v8_field(&memory, map, 0) != map;
}

/* A string of other strings makes other texts when it is changed. */
static bool is_of_string(uint64_t address)
{
	for (uint64_t object = address - 24; object <= address; object += 8) {
		uint16_t type = v8_type(&memory, object + 1);

		if (type && type < 128)
			return true;
	}
	return false;
}

/* Another pointer in place of one, outside of strings. */
static bool is_exchange(const struct place *place, const struct place *other)
{
	uint32_t changes = run.change_count;
	bool holds;

	run.change_count = 0; /* memory as it was */
	remote_forget(&memory);
	holds =
	    is_pointer(place->value) && is_pointer(other->value) && !is_of_string(place->address);
	run.change_count = changes;
	return holds;
}

static void change_add(struct place *place, uint32_t how, uint64_t by)
{
	const struct place *other = &run.of->places[by % run.of->place_count];
	uint64_t value = place->value;

	run.pointers_only = run.pointers_only && how % 8 < 4 && is_exchange(place, other);
	switch (how % 8) {
	case 4:
		value ^= 1ull << by % 64;
		break;
	case 5:
		value += by % 256 - 128;
		break;
	case 6:
		value = by << (how >> 3 & 31);
		break;
	case 7:
		value = (by & 0xffff) << 32;
		break;
	default: /* a word that lies elsewhere */
		value = other->value;
	}
	place->value = value;
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
	struct place place = {0, *word};

	change_add(&place, how, by);
	*word = place.value;
	run.pointers_only = false;
}

static void thread_restore(void)
{
	while (run.word_count-- > 0)
		*run.words[run.word_count].at = run.words[run.word_count].value;
}

static void changes_make(const uint8_t *data, size_t bytes)
{
	for (; bytes >= CHANGE_BYTES && run.change_count < CHANGES_MAX;
	     data += CHANGE_BYTES, bytes -= CHANGE_BYTES) {
		uint32_t index = data[0] | (uint32_t)data[1] << 8, how = data[2];
		struct place change;
		uint64_t by;

		memcpy(&by, data + 3, 8);
		if (how & 0x80) {
			thread_change(index, how, by);
			continue;
		}
		change = run.of->places[index % run.of->place_count];
		change_add(&change, how, by);
		run.changes[run.change_count++] = change;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (!recording_count || bytes < 1 + CHANGE_BYTES)
		return 0;
	thread_set(&recordings[data[0] % recording_count]);
	run.pointers_only = true;
	changes_make(data + 1, bytes - 1);
	walk(data[0] >= 240);
	stack_check();
	if (run.pointers_only)
		names_check();
	thread_restore();
	return 0;
}

/* ---- Recordings ------------------------------------------------------------------------------ */

/* The layout, out of the file that the recording was made of. */
static void layout_open(const struct recording *head)
{
	struct runtime_module module = {.is_executable = head->is_executable, .path = head->path};
	char note[RUNTIME_NOTE_BYTES];

	check(elf_names_open(&module.names, open(head->path, O_RDONLY | O_CLOEXEC)), head->path);
	module.bias = head->bias - (module.names.start & ~4095ull);
	check(runtime_v8.open(&module, &memory, note), "no V8");
	elf_names_close(&module.names);
}

/* As it is: which words are read, and that all is well. */
static bool recording_try(struct recorded *of)
{
	run.noting = true;
	thread_set(of);
	walk(true);
	run.noting = false;
	stack_check();
	names_find(of);
	thread_set(of);
	walk(true);
	names_check();
	return of->place_count > 0 && stack.count > 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_NAMES");
	DIR *dir = folder ? opendir(folder) : NULL;
	const struct dirent *entry;

	(void)argc;
	(void)argv;
	remote_init(&memory, 1, source);
	recordings = calloc(RECORDINGS_MAX, sizeof(*recordings));
	while (dir && recording_count < RECORDINGS_MAX && (entry = readdir(dir))) {
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || !recording_read(path, &recordings[recording_count]))
			continue;
		if (!recording_count)
			layout_open(&recordings[0].head);
		if (recording_try(&recordings[recording_count]))
			recording_count++;
		else
			recording_free(&recordings[recording_count]);
	}
	if (dir)
		closedir(dir);
	fprintf(stderr, "fuzz_names_v8: %u recordings\n", recording_count);
	return 0;
}
