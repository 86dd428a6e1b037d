/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of functions and files of scripts, by id, and the script frames of stall samples that refer
 * to them.
 *
 * Rules: ids are any numbers. An id that no text was told for, and one that two different texts
 * were told for, is not known: unknown beats wrong. At most READER_SCRIPT_TEXTS_MAX texts are kept
 * of a process; more are a line in `problems`.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

static size_t text_find(const struct trace_process *process, uint32_t id)
{
	uint64_t hash = reader_hash(0, &id, sizeof(id));
	size_t probe = 0, at;

	while ((at = reader_index_next(&process->indices->script_texts, hash, &probe)) !=
	       READER_NOWHERE)
		if (process->script_texts[at].id == id)
			break;
	return at;
}

static bool text_is(const struct trace_script_name *name, const struct trace_script_text *entry)
{
	return strlen(name->text) == entry->text_bytes &&
	       memcmp(name->text, entry->text, entry->text_bytes) == 0;
}

int reader_scripts_add_text(struct reader *reader, size_t index,
			    const struct trace_script_text *entry, uint32_t bytes)
{
	struct trace_process *process = &reader->trace.processes[index];
	struct trace_script_name *name;
	size_t at = text_find(process, entry->id);

	if (entry->id == 0 || entry->text_bytes == 0 ||
	    entry->text_bytes > bytes - offsetof(struct trace_script_text, text) ||
	    memchr(entry->text, '\0', entry->text_bytes))
		return -EINVAL;
	if (at != READER_NOWHERE) {
		process->script_texts[at].is_doubtful |=
		    !text_is(&process->script_texts[at], entry);
		return 0;
	}
	if (process->script_text_count >= READER_SCRIPT_TEXTS_MAX) {
		reader->states[index].script_texts_left_out++;
		return 0;
	}
	name = reader_append(&process->script_texts, &process->script_text_count, sizeof(*name));
	if (!name)
		return -ENOMEM;
	name->id = entry->id;
	name->text = strndup(entry->text, entry->text_bytes);
	return name->text ? reader_index_add(&process->indices->script_texts,
					     reader_hash(0, &entry->id, sizeof(entry->id)),
					     process->script_text_count - 1)
			  : -ENOMEM;
}

/* The frames lie behind the object, at the next multiple of 8. */
static uint64_t frames_offset(const struct trace_stall_entry *entry)
{
	uint64_t numbers = (uint64_t)entry->register_count + entry->word_count;

	return sizeof(*entry) + numbers * sizeof(uint64_t) +
	       (((uint64_t)entry->object_bytes + 7) & ~7ull);
}

bool reader_scripts_fit(const struct trace_stall_entry *entry, uint32_t bytes)
{
	return entry->script_count == 0 ||
	       (entry->script_count <= TRACE_SCRIPT_FRAMES_MAX &&
		frames_offset(entry) + entry->script_count * sizeof(struct trace_script_frame) <=
		    bytes);
}

/* Their names are looked up when all texts are known (reader_scripts_name()). */
int reader_scripts_copy(struct trace_stall *stall, const struct trace_stall_entry *entry)
{
	const char *from = (const char *)entry + frames_offset(entry);

	stall->script_status = entry->script_status;
	stall->script_count = entry->script_count;
	if (entry->script_count == 0)
		return 0;
	stall->scripts = calloc(entry->script_count, sizeof(*stall->scripts));
	for (size_t i = 0; stall->scripts && i < entry->script_count; i++) {
		struct trace_script_frame frame;

		memcpy(&frame, from + i * sizeof(frame), sizeof(frame));
		stall->scripts[i] = (struct trace_script){.frame = frame.frame,
							  .function_id = frame.function,
							  .file_id = frame.file,
							  .line = frame.line,
							  .first_line = frame.first_line,
							  .kind = frame.kind,
							  .flags = frame.flags};
	}
	return stall->scripts ? 0 : -ENOMEM;
}

static const char *text_of(const struct trace_process *process, uint32_t id)
{
	size_t at = id ? text_find(process, id) : READER_NOWHERE;

	return at == READER_NOWHERE || process->script_texts[at].is_doubtful
		   ? NULL
		   : process->script_texts[at].text;
}

void reader_scripts_name(const struct trace_process *process, struct trace_stall *stall)
{
	for (size_t i = 0; i < stall->script_count; i++) {
		struct trace_script *script = &stall->scripts[i];

		script->function = text_of(process, script->function_id);
		script->file = text_of(process, script->file_id);
	}
}

void reader_scripts_free(struct trace_process *process)
{
	for (size_t i = 0; i < process->script_text_count; i++)
		free(process->script_texts[i].text);
	free(process->script_texts);
}
