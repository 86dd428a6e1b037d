/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold of names that were read from changed memory (fuzz_changed.h), and the entry points
 * of the fuzzers.
 */
#ifndef FUZZ_TOLD_H
#define FUZZ_TOLD_H

#include <dirent.h>

#include "fuzz_changed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* ---- What is told ---------------------------------------------------------------------------- */

static void text_check(uint32_t at)
{
	check(at == 0 || (at < stack.text_bytes && stack.text[at - 1] == '\0'), "a text's place");
	check(is_utf8(stack.text + at), "a text");
	check(strlen(stack.text + at) < SCRIPT_FILE_BYTES_MAX, "a text's length");
}

static void stack_check(void)
{
	bool is_told = stack.status == TRACE_SCRIPT_WHOLE || stack.status == TRACE_SCRIPT_CUT;

	check(stack.count <= TRACE_SCRIPT_FRAMES_MAX && stack.status <= TRACE_SCRIPT_LOST &&
		  stack.text_bytes <= SCRIPT_TEXT_BYTES,
	      "the stack");
	check(stack.count == 0 || is_told, "frames of a stack that was lost");
	for (uint32_t i = 0; i < stack.count; i++) {
		const struct script_frame *frame = &stack.frames[i];

		check(frame->kind <= TRACE_SCRIPT_PYTHON && frame->flags < 32, "a frame's kind");
		check(i == 0 || frame->frame >= stack.frames[i - 1].frame, "the order of frames");
		check(frame->kind == TRACE_SCRIPT_PYTHON || frame->position >= 0 ||
			  frame->line == 0,
		      "a line without a position");
		text_check(frame->function);
		text_check(frame->file);
	}
}

static struct told told_of(const struct script_frame *frame)
{
	const char *name = stack.text + frame->function, *file = stack.text + frame->file;

	return (struct told){.frame = frame->frame,
			     .function = hash_of_function(name, file),
			     .name = hash_of_function(name, ""),
			     .line = frame->line,
			     .position = (uint32_t)frame->position,
			     .flags = frame->flags};
}

/* 1. and 2.; a frame that is told as unreadable tells no name. */
static void names_check(void)
{
	for (uint32_t i = 0; i < stack.count; i++) {
		const char *name = stack.text + stack.frames[i].function;
		const char *file = stack.text + stack.frames[i].file;

		if (stack.frames[i].flags & TRACE_SCRIPT_UNREADABLE || !(*name || *file))
			continue;
		if (stack.frames[i].kind == TRACE_SCRIPT_BUILTIN && strstr(name, " /"))
			continue; /* made of two: the name and a pattern */
		if (run.only_exchanged) {
			check(!*name || hash_is_in(&run.of->texts, hash_of(name)),
			      "a name that is nowhere");
			check(!*file || hash_is_in(&run.of->texts, hash_of(file)),
			      "a file that is nowhere");
		}
		if (run.names_as_they_were)
			check(hash_is_in(&run.of->functions, hash_of_function(name, file)),
			      "a function that is nowhere");
	}
}

/* Either as it was, or with less. */
static bool is_as_before(const struct told *now, const struct told *before)
{
	return (now->function == before->function ||
		(now->name == before->name && now->function == now->name)) &&
	       (now->position == before->position || now->position == UINT32_MAX) &&
	       (now->line == before->line || now->line == 0 || before->line == 0);
}

/* 3. */
static void frames_check(void)
{
	for (uint32_t i = 0; i < stack.count; i++) {
		struct told now = told_of(&stack.frames[i]);
		bool exists = false, is_touched = false, is_same = false;

		for (uint32_t k = 0; k < run.of->told_count; k++) {
			if (run.of->told[k].frame != now.frame)
				continue;
			exists = true;
			is_touched |= run.frames >> k & 1;
			is_same |= is_as_before(&now, &run.of->told[k]);
		}
		check(exists, "a frame that is nowhere");
		check(is_touched || is_same || now.flags & TRACE_SCRIPT_UNREADABLE,
		      "a frame that is none of the changes' business");
	}
}

/* How often what was asked for; printed at the end. */
static struct {
	uint64_t runs, told, texts, functions, frames;
} counts;

static void counts_print(void)
{
	fprintf(stderr,
		"fuzz_names: %llu runs, %llu with names, held against 1. %llu, 2. %llu, 3. %llu\n",
		(unsigned long long)counts.runs, (unsigned long long)counts.told,
		(unsigned long long)counts.texts, (unsigned long long)counts.functions,
		(unsigned long long)counts.frames);
}

static void told_check(void)
{
	bool by_frame = !run.thread_changed && run.frames != ~0ull;

	stack_check();
	names_check();
	if (by_frame)
		frames_check();
	counts.runs++;
	counts.told += stack.count > 0;
	counts.texts += stack.count > 0 && run.only_exchanged;
	counts.functions += stack.count > 0 && run.names_as_they_were;
	counts.frames += stack.count > 0 && by_frame;
}

/* To count lines takes long: not each time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (!recording_count || bytes < 1 + CHANGE_BYTES)
		return 0;
	thread_set(&recordings[data[0] % recording_count]);
	changes_make(data + 1, bytes - 1);
	run.names_as_they_were = names_are_as_they_were();
	walk(data[0] == 255);
	told_check();
	thread_restore();
	return 0;
}

/* ---- Recordings ------------------------------------------------------------------------------ */

/* What was read counts if it was a text, else it is forgotten. */
static void texts_add(struct recorded *of, uint64_t object)
{
	static const size_t lengths[] = {SCRIPT_FUNCTION_BYTES_MAX, SCRIPT_FILE_BYTES_MAX};
	uint32_t before = of->text_words.count;
	char text[SCRIPT_FILE_BYTES_MAX];

	run.noting = NOTE_TEXTS;
	for (size_t i = 0; i < 2; i++) { /* both at which texts are cut */
		remote_forget(&memory);
		if (target_text(object, text, lengths[i]))
			hash_add(&of->texts, hash_of(text));
		else
			of->text_words.count = before;
	}
	run.noting = NOTE_NOTHING;
}

static void function_add(struct recorded *of, uint64_t object)
{
	char name[SCRIPT_FUNCTION_BYTES_MAX] = "", file[SCRIPT_FILE_BYTES_MAX] = "";
	uint32_t before = of->name_words.count;

	remote_forget(&memory);
	run.noting = NOTE_NAMES;
	if (target_function(object, name, file)) {
		hash_add(&of->functions, hash_of_function(name, file));
		hash_add(&of->functions, hash_of_function(name, ""));
	} else {
		of->name_words.count = before;
	}
	run.noting = NOTE_NOTHING;
}

/* Every object of the recording. */
static void names_find(struct recorded *of)
{
	for (uint32_t i = 0; i < of->head.page_count; i++)
		for (uint32_t k = 0; k < REMOTE_PAGE_BYTES; k += 8) {
			uint64_t object;

			remote_forget(&memory);
			object = target_object(of->pages[i].address + k);
			if (!object)
				continue;
			texts_add(of, object);
			function_add(of, object);
		}
	hashes_sort(&of->texts);
	hashes_sort(&of->functions);
	hashes_sort(&of->name_words);
	hashes_sort(&of->text_words);
}

static void told_note(struct recorded *of)
{
	of->told_count = stack.count;
	for (uint32_t i = 0; i < stack.count; i++)
		of->told[i] = told_of(&stack.frames[i]);
}

/* Which words may be exchanged: those that point to objects, outside of texts. And which do not
 * matter to names. */
static void places_settle(struct recorded *of)
{
	for (uint32_t i = 0; i < of->place_count; i++) {
		struct place *place = &of->places[i];

		remote_forget(&memory);
		place->kind = target_kind(place->address);
		place->is_free = !hash_is_in(&of->name_words, place->address) &&
				 target_is_word_of_one(place->value);
		if (!hash_is_in(&of->text_words, place->address) && target_is_plain(place->value))
			of->exchanges[of->exchange_count++] = i;
	}
}

/* As it is: which words are read, and that all is well. */
static bool recording_try(struct recorded *of)
{
	thread_set(of);
	if (!target_open(of))
		return false;
	run.noting = NOTE_PLACES;
	walk(false);
	run.noting = NOTE_NOTHING;
	told_note(of);
	reads_settle(of);
	stack_check();
	names_find(of);
	thread_set(of);
	places_settle(of);
	walk(true);
	stack_check();
	names_check();
	run.frames = 0;
	frames_check();
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
		if (recording_try(&recordings[recording_count]))
			recording_count++;
		else
			recording_free(&recordings[recording_count]);
	}
	if (dir)
		closedir(dir);
	atexit(counts_print);
	fprintf(stderr, "fuzz_names: %u recordings\n", recording_count);
	return 0;
}

#endif
