/* SPDX-License-Identifier: Apache-2.0
 *
 * See segment_internal.h: what each segment says first. Executable, command line and modules are
 * read when the drain begins: when a segment does, the program may be gone, or be another one.
 */
#include "segment_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format/trace_tables.h"
#include "format/version.h"

/* ---- What is read --------------------------------------------------------------------------- */

static void read_exe(struct segment *segment)
{
	char path[64];
	ssize_t bytes;

	snprintf(path, sizeof(path), "/proc/%u/exe", segment->proc_pid);
	bytes = readlink(path, segment->exe, sizeof(segment->exe));
	segment->exe_bytes = bytes > 0 ? (uint16_t)bytes : 0;
}

/* The program is gone already: what it noted itself. */
static void read_noted(struct segment *segment)
{
	const struct shared *shared = segment->shared;
	uint32_t bytes = shared->loaded_bytes;
	const struct module *exe = &segment->modules.list[0];

	modules_add_noted(&segment->modules, shared->loaded,
			  bytes < sizeof(shared->loaded) ? bytes
							 : (uint32_t)sizeof(shared->loaded));
	if (segment->exe_bytes || !segment->modules.count || exe->path.bytes > sizeof(segment->exe))
		return;
	memcpy(segment->exe, segment->modules.text + exe->path.at, exe->path.bytes);
	segment->exe_bytes = exe->path.bytes;
}

static void read_cmdline(struct segment *segment)
{
	char *text = segment->cmdline;
	char path[64];
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", segment->proc_pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bytes = fd >= 0 ? read(fd, text, sizeof(segment->cmdline)) : -1;
	if (fd >= 0)
		close(fd);
	if (bytes <= 0) { /* gone already: what it noted itself */
		bytes = segment->shared->cmdline_bytes;
		bytes = bytes < (ssize_t)sizeof(segment->shared->cmdline)
			    ? bytes
			    : (ssize_t)sizeof(segment->shared->cmdline);
		memcpy(text, segment->shared->cmdline, (size_t)bytes);
	}
	while (bytes > 0 && text[bytes - 1] == '\0')
		bytes--;
	for (ssize_t i = 0; i < bytes; i++)
		text[i] = text[i] ? text[i] : ' ';
	segment->cmdline_bytes = bytes > 0 ? (uint16_t)bytes : 0;
}

/* Where the link may not be read: the program itself lies below its libraries. */
static void guess_exe(struct segment *segment)
{
	const struct module *first = segment->modules.list;

	if (segment->modules.count == 0 || first->path.bytes > sizeof(segment->exe))
		return;
	segment->exe_bytes = first->path.bytes;
	memcpy(segment->exe, segment_text(segment, first->path), first->path.bytes);
}

void preamble_read(struct segment *segment)
{
	read_exe(segment);
	read_cmdline(segment);
	modules_init(&segment->modules, segment->proc_pid);
	if (modules_read(&segment->modules) != 0 || segment->modules.count == 0)
		read_noted(segment);
	if (segment->exe_bytes == 0)
		guess_exe(segment);
}

/* ---- What is told --------------------------------------------------------------------------- */

static void put_text(struct segment *segment, enum trace_text_key key, const char *text,
		     size_t bytes, uint64_t now_ns)
{
	uint32_t entry_bytes;
	struct trace_text *entry;

	if (bytes == 0)
		return;
	bytes = bytes < SEGMENT_TEXT_BYTES ? bytes : SEGMENT_TEXT_BYTES;
	entry_bytes = (uint32_t)(sizeof(*entry) + bytes);
	entry = entries_add(segment, &segment->entries, &entry_bytes, now_ns);
	if (!entry)
		return;
	entry->entry_bytes = entry_bytes;
	entry->key = key;
	entry->text_bytes = (uint16_t)bytes;
	memcpy(entry->text, text, bytes);
}

static void put_libuv(struct segment *segment, uint64_t now_ns)
{
	uint32_t version = segment->shared->libuv_version;
	const char *path = segment->shared->libuv_path;
	char text[32];
	int bytes;

	bytes = snprintf(text, sizeof(text), "%u.%u.%u", version >> 16 & 255, version >> 8 & 255,
			 version & 255);
	if (version != 0)
		put_text(segment, TRACE_TEXT_LIBUV, text, (size_t)bytes, now_ns);
	put_text(segment, TRACE_TEXT_LIBUV_PATH, path,
		 strnlen(path, sizeof(segment->shared->libuv_path)), now_ns);
}

static const char *const notes[SEGMENT_NOTES] = {
    [SEGMENT_NOTE_LOOKS_REFUSED] =
	"what stuck callbacks were stuck in is not known: the kernel does not let uvtrace-drain "
	"look at the program "
	"(kernel.yama.ptrace_scope, a seccomp filter, or a program with privileges of its own)",
    [SEGMENT_NOTE_STACKS_REFUSED] =
	"stuck callbacks have no stacks: the kernel does not let uvtrace-drain read the "
	"program's memory (a seccomp filter?)",
    [SEGMENT_NOTE_STOPS_REFUSED] =
	"stuck callbacks that computed have no stacks: uvtrace-drain may not stop the "
	"program for a look (a debugger is "
	"attached, kernel.yama.ptrace_scope, or a seccomp filter)",
    [SEGMENT_NOTE_NO_STOPS] = "stuck callbacks that computed have no stacks: a thread of the "
			      "program drains, and cannot stop it for a look "
			      "(UVTRACE_DRAIN=thread, or no helper process could be made)",
    [SEGMENT_NOTE_SWITCHES] = "recording was switched on and off so often at once that some of the "
			      "changes are not in the "
			      "trace: times when it was off are not all known",
};

void preamble_put_note_now(struct segment *segment, const char *note, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_PROCESS);
	put_text(segment, TRACE_TEXT_NOTE, note, strlen(note), now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_put_note(struct segment *segment, enum segment_note note, uint64_t now_ns)
{
	if (segment->notes & 1u << note)
		return;
	segment->notes |= 1u << note;
	preamble_put_note_now(segment, notes[note], now_ns);
}

/* Every note that there is. */
static void put_notes(struct segment *segment, uint64_t now_ns)
{
	for (uint32_t note = 0; note < SEGMENT_NOTES; note++)
		if (segment->notes & 1u << note)
			put_text(segment, TRACE_TEXT_NOTE, notes[note], strlen(notes[note]),
				 now_ns);
	for (uint32_t i = 0; i < SEGMENT_SCRIPT_NOTES_MAX; i++)
		put_text(segment, TRACE_TEXT_NOTE, segment->script_notes[i],
			 strlen(segment->script_notes[i]), now_ns);
}

/* What the hooks say of themselves, in the program. */
static void put_said(struct segment *segment, enum trace_text_key key, const char *text,
		     size_t bytes_max, uint64_t now_ns)
{
	size_t bytes = strnlen(text, bytes_max);

	if (bytes)
		put_text(segment, key, text, bytes, now_ns);
}

static void put_unseen(struct segment *segment, uint64_t now_ns)
{
	static const char word[] = TRACE_UNSEEN_POOL_ITEMS, note[] = TRACE_UNSEEN_POOL_ITEMS_NOTE;
	const struct shared *shared = segment->shared;

	put_said(segment, TRACE_TEXT_HOW, shared->libuv_how, sizeof(shared->libuv_how), now_ns);
	put_said(segment, TRACE_TEXT_NOTE, shared->libuv_note, sizeof(shared->libuv_note), now_ns);

	if (!(segment->shared->unseen & SHARED_UNSEEN_POOL_ITEMS))
		return;
	put_text(segment, TRACE_TEXT_UNSEEN, word, sizeof(word) - 1, now_ns);
	put_text(segment, TRACE_TEXT_NOTE, note, sizeof(note) - 1, now_ns);
}

/* What the program was told and readers go by. */
static void put_options(struct segment *segment, uint64_t now_ns)
{
	char text[64];
	int bytes = snprintf(text, sizeof(text), "UVTRACE_PENDING_SECONDS=%u",
			     segment->shared->options.pending_seconds);

	put_text(segment, TRACE_TEXT_OPTION, text, (size_t)bytes, now_ns);
	bytes = snprintf(text, sizeof(text), "UVTRACE_SAMPLE_HZ=%u",
			 segment->shared->options.sample_hz);
	if (segment->shared->options.sample_hz > 0)
		put_text(segment, TRACE_TEXT_OPTION, text, (size_t)bytes, now_ns);
}

void preamble_put_process(struct segment *segment, uint64_t now_ns)
{
	const char *ring = segment->shared->self_path;

	entries_begin(&segment->entries, TRACE_BLOCK_PROCESS);
	put_text(segment, TRACE_TEXT_EXE, segment->exe, segment->exe_bytes, now_ns);
	put_text(segment, TRACE_TEXT_CMDLINE, segment->cmdline, segment->cmdline_bytes, now_ns);
	put_libuv(segment, now_ns);
	put_text(segment, TRACE_TEXT_RING_PATH, ring, strnlen(ring, SHARED_PATH_BYTES), now_ns);
	put_text(segment, TRACE_TEXT_VERSION, UVTRACE_VERSION, strlen(UVTRACE_VERSION), now_ns);
	put_options(segment, now_ns);
	put_notes(segment, now_ns);
	put_unseen(segment, now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

/* ---- Kinds ---------------------------------------------------------------------------------- */

void preamble_put_kinds(struct segment *segment, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_KINDS);
	for (uint32_t kind = 1; kind < KIND_COUNT; kind++) {
		uint32_t name_bytes = (uint32_t)strlen(trace_kinds[kind].name);
		uint32_t entry_bytes = (uint32_t)sizeof(struct trace_kind_entry) + name_bytes;
		struct trace_kind_entry *entry =
		    entries_add(segment, &segment->entries, &entry_bytes, now_ns);

		if (!entry)
			break;
		entry->entry_bytes = (uint16_t)entry_bytes;
		entry->kind = (uint8_t)kind;
		entry->class = trace_kinds[kind].class;
		entry->work_req_offset = segment->shared->work_req_offset[kind];
		entry->name_bytes = (uint16_t)name_bytes;
		memcpy(entry->name, trace_kinds[kind].name, name_bytes);
	}
	entries_flush(segment, &segment->entries, now_ns);
}

/* ---- Modules -------------------------------------------------------------------------------- */

static void put_module(struct segment *segment, const struct module *module, uint64_t now_ns)
{
	uint32_t bytes = (uint32_t)sizeof(struct trace_module_entry) + module->file.build_id_bytes +
			 module->path.bytes;
	struct trace_module_entry *entry = entries_add(segment, &segment->entries, &bytes, now_ns);

	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->build_id_bytes = module->file.build_id_bytes;
	entry->path_bytes = module->path.bytes;
	entry->bias = module->file.bias;
	entry->start = module->start;
	entry->end = module->end;
	memcpy(entry->text, module->file.build_id, module->file.build_id_bytes);
	memcpy(entry->text + module->file.build_id_bytes, segment_text(segment, module->path),
	       module->path.bytes);
}

void preamble_put_modules(struct segment *segment, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_MODULES);
	for (; segment->modules_told < segment->modules.count; segment->modules_told++)
		put_module(segment, &segment->modules.list[segment->modules_told], now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_update_modules(struct segment *segment, uint64_t now_ns)
{
	modules_read(&segment->modules);
	preamble_put_modules(segment, now_ns);
}
