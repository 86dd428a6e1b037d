/* SPDX-License-Identifier: Apache-2.0
 *
 * See segment.h.
 */
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ring/clock.h"
#include "format/version.h"

#define SITES_BATCH 128 /* resolved at once */

/* ---- Entries -------------------------------------------------------------------------------------------- */

void entries_begin(struct segment_entries *entries, uint16_t type)
{
	memset(&entries->header, 0, sizeof(entries->header));
	entries->header.magic = TRACE_BLOCK_MAGIC;
	entries->header.type = type;
	entries->header.header_bytes = sizeof(entries->header);
}

void entries_flush(struct segment *segment, struct segment_entries *entries, uint64_t now_ns)
{
	if (entries->header.payload_bytes > 0)
		writer_append(&segment->writer, &entries->header, now_ns);
	entries->header.payload_bytes = 0;
}

void *entries_add(struct segment *segment, struct segment_entries *entries, uint32_t *entry_bytes, uint64_t now_ns)
{
	uint32_t bytes = (*entry_bytes + 7) & ~7u;
	uint64_t room = writer_room(&segment->writer);
	char *entry;

	room = room < SEGMENT_ENTRIES_BYTES ? room : SEGMENT_ENTRIES_BYTES;
	if (entries->header.payload_bytes + bytes > room)
		entries_flush(segment, entries, now_ns);
	if (bytes > room)
		return NULL;
	entry = entries->payload + entries->header.payload_bytes;
	memset(entry, 0, bytes);
	entries->header.payload_bytes += bytes;
	*entry_bytes = bytes;
	return entry;
}

/* A block with one entry without a length of its own. */
static void put_single(struct segment *segment, uint16_t type, const void *data, uint32_t bytes, uint64_t now_ns)
{
	entries_begin(&segment->entries, type);
	memcpy(segment->entries.payload, data, bytes);
	segment->entries.header.payload_bytes = bytes;
	entries_flush(segment, &segment->entries, now_ns);
}

/* ---- The process ---------------------------------------------------------------------------------------- */

static void put_text(struct segment *segment, enum trace_text_key key, const char *text, size_t bytes, uint64_t now_ns)
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
			  bytes < sizeof(shared->loaded) ? bytes : (uint32_t)sizeof(shared->loaded));
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
		bytes = bytes < (ssize_t)sizeof(segment->shared->cmdline) ? bytes
									  : (ssize_t)sizeof(segment->shared->cmdline);
		memcpy(text, segment->shared->cmdline, (size_t)bytes);
	}
	while (bytes > 0 && text[bytes - 1] == '\0')
		bytes--;
	for (ssize_t i = 0; i < bytes; i++)
		text[i] = text[i] ? text[i] : ' ';
	segment->cmdline_bytes = bytes > 0 ? (uint16_t)bytes : 0;
}

static void put_libuv(struct segment *segment, uint64_t now_ns)
{
	uint32_t version = segment->shared->libuv_version;
	const char *path = segment->shared->libuv_path;
	char text[32];
	int bytes;

	bytes = snprintf(text, sizeof(text), "%u.%u.%u", version >> 16 & 255, version >> 8 & 255, version & 255);
	if (version != 0)
		put_text(segment, TRACE_TEXT_LIBUV, text, (size_t)bytes, now_ns);
	put_text(segment, TRACE_TEXT_LIBUV_PATH, path, strnlen(path, sizeof(segment->shared->libuv_path)), now_ns);
}

static const char *const notes[SEGMENT_NOTES] = {
    [SEGMENT_NOTE_LOOKS_REFUSED] =
	"what stuck callbacks were stuck in is not known: the kernel does not let uvtrace-drain look at the program "
	"(kernel.yama.ptrace_scope, a seccomp filter, or a program with privileges of its own)",
    [SEGMENT_NOTE_STACKS_REFUSED] = "stuck callbacks have no stacks: the kernel does not let uvtrace-drain read the "
				    "program's memory (a seccomp filter?)",
    [SEGMENT_NOTE_STOPS_REFUSED] = "stuck callbacks that computed have no stacks: uvtrace-drain may not stop the "
				   "program for a look (a debugger is "
				   "attached, kernel.yama.ptrace_scope, or a seccomp filter)",
    [SEGMENT_NOTE_NO_STOPS] =
	"stuck callbacks that computed have no stacks: a thread of the program drains, and cannot stop it for a look "
	"(UVTRACE_DRAIN=thread, or no helper process could be made)",
    [SEGMENT_NOTE_SWITCHES] =
	"recording was switched on and off so often at once that some of the changes are not in the "
	"trace: times when it was off are not all known",
};

static void put_note(struct segment *segment, enum segment_note note, uint64_t now_ns)
{
	put_text(segment, TRACE_TEXT_NOTE, notes[note], strlen(notes[note]), now_ns);
}

void segment_put_note(struct segment *segment, enum segment_note note, uint64_t now_ns)
{
	if (segment->notes & 1u << note)
		return;
	segment->notes |= 1u << note;
	entries_begin(&segment->entries, TRACE_BLOCK_PROCESS);
	put_note(segment, note, now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

static void put_unseen(struct segment *segment, uint64_t now_ns)
{
	static const char word[] = TRACE_UNSEEN_POOL_ITEMS, note[] = TRACE_UNSEEN_POOL_ITEMS_NOTE;

	if (!(segment->shared->unseen & SHARED_UNSEEN_POOL_ITEMS))
		return;
	put_text(segment, TRACE_TEXT_UNSEEN, word, sizeof(word) - 1, now_ns);
	put_text(segment, TRACE_TEXT_NOTE, note, sizeof(note) - 1, now_ns);
}

/* What the program was told and readers go by. */
static void put_options(struct segment *segment, uint64_t now_ns)
{
	char text[64];
	int bytes =
	    snprintf(text, sizeof(text), "UVTRACE_PENDING_SECONDS=%u", segment->shared->options.pending_seconds);

	put_text(segment, TRACE_TEXT_OPTION, text, (size_t)bytes, now_ns);
}

static void put_process(struct segment *segment, uint64_t now_ns)
{
	const char *ring = segment->shared->self_path;

	entries_begin(&segment->entries, TRACE_BLOCK_PROCESS);
	put_text(segment, TRACE_TEXT_EXE, segment->exe, segment->exe_bytes, now_ns);
	put_text(segment, TRACE_TEXT_CMDLINE, segment->cmdline, segment->cmdline_bytes, now_ns);
	put_libuv(segment, now_ns);
	put_text(segment, TRACE_TEXT_RING_PATH, ring, strnlen(ring, SHARED_PATH_BYTES), now_ns);
	put_text(segment, TRACE_TEXT_VERSION, UVTRACE_VERSION, strlen(UVTRACE_VERSION), now_ns);
	put_options(segment, now_ns);
	for (uint32_t note = 0; note < SEGMENT_NOTES; note++)
		if (segment->notes & 1u << note)
			put_note(segment, note, now_ns);
	put_unseen(segment, now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_put_clock(struct segment *segment, uint64_t now_ns)
{
	struct trace_clock_pair pair = clock_pair_read(segment->clock);

	put_single(segment, TRACE_BLOCK_CLOCK, &pair, sizeof(pair), now_ns);
}

/* ---- Kinds ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint8_t class;
} kinds[KIND_COUNT] = {
#define KIND(name, text, class) [KIND_##name] = {text, KIND_CLASS_##class},
#include "format/trace_kinds.def"
#undef KIND
};

static void put_kinds(struct segment *segment, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_KINDS);
	for (uint32_t kind = 1; kind < KIND_COUNT; kind++) {
		uint32_t name_bytes = (uint32_t)strlen(kinds[kind].name);
		uint32_t entry_bytes = (uint32_t)sizeof(struct trace_kind_entry) + name_bytes;
		struct trace_kind_entry *entry = entries_add(segment, &segment->entries, &entry_bytes, now_ns);

		if (!entry)
			break;
		entry->entry_bytes = (uint16_t)entry_bytes;
		entry->kind = (uint8_t)kind;
		entry->class = kinds[kind].class;
		entry->work_req_offset = segment->shared->work_req_offset[kind];
		entry->name_bytes = (uint16_t)name_bytes;
		memcpy(entry->name, kinds[kind].name, name_bytes);
	}
	entries_flush(segment, &segment->entries, now_ns);
}

/* ---- Modules -------------------------------------------------------------------------------------------- */

static const char *text_of(const struct segment *segment, struct module_text text)
{
	return segment->modules.text + text.at;
}

static void put_module(struct segment *segment, const struct module *module, uint64_t now_ns)
{
	uint32_t bytes = (uint32_t)sizeof(struct trace_module_entry) + module->file.build_id_bytes + module->path.bytes;
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
	memcpy(entry->text + module->file.build_id_bytes, text_of(segment, module->path), module->path.bytes);
}

static void put_modules(struct segment *segment, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_MODULES);
	for (; segment->modules_told < segment->modules.count; segment->modules_told++)
		put_module(segment, &segment->modules.list[segment->modules_told], now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_update_modules(struct segment *segment, uint64_t now_ns)
{
	modules_read(&segment->modules);
	put_modules(segment, now_ns);
}

/* ---- Sites ---------------------------------------------------------------------------------------------- */

static void put_site(struct segment *segment, uint32_t index, uint64_t now_ns)
{
	const struct segment_site *site = &segment->sites[index];
	struct module_text callback = site->callback_symbol.name, caller = site->caller_symbol.name;
	uint32_t bytes = (uint32_t)sizeof(struct trace_site_entry) + callback.bytes + caller.bytes;
	struct trace_site_entry *entry = entries_add(segment, &segment->entries, &bytes, now_ns);

	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->site = (uint16_t)index;
	entry->kind = site->kind;
	entry->callback = site->callback;
	entry->caller = site->caller;
	entry->callback_offset = site->callback_symbol.offset;
	entry->caller_offset = site->caller_symbol.offset;
	entry->callback_symbol_bytes = callback.bytes;
	entry->caller_symbol_bytes = caller.bytes;
	memcpy(entry->text, text_of(segment, callback), callback.bytes);
	memcpy(entry->text + callback.bytes, text_of(segment, caller), caller.bytes);
}

/* At most half of a segment: where that is too little, some sites are told in other segments only. */
static void put_all_sites(struct segment *segment, uint64_t now_ns)
{
	entries_begin(&segment->entries, TRACE_BLOCK_SITES);
	for (uint32_t i = 0; i < segment->sites_end; i++) {
		if (segment->entries.header.payload_bytes + segment->writer.segment_bytes_max / 2 >
		    writer_room(&segment->writer))
			break;
		if (segment->sites[i].known)
			put_site(segment, i, now_ns);
	}
	entries_flush(segment, &segment->entries, now_ns);
}

/* Copies a site that has become ready. */
static bool site_take(struct segment *segment, uint32_t index)
{
	struct segment_site *site = &segment->sites[index];
	struct shared_site *shared = &segment->shared->sites[index];

	/* Acquire: pairs with the release of the thread that filled the site in. */
	if (site->known || atomic_load_explicit(&shared->ready, memory_order_acquire) != 1)
		return false;
	site->known = true;
	site->kind = (uint8_t)shared->kind;
	site->callback = shared->callback;
	site->caller = shared->caller;
	return true;
}

static bool address_is_strange(const struct segment *segment, uint64_t address)
{
	return address != 0 && !modules_find(&segment->modules, address);
}

/* A return address may be the first byte behind its function, so the byte before it is looked for. */
#define CALLER_BACK 1

static void sites_resolve(struct segment *segment, const uint32_t *sites, uint32_t count)
{
	struct module_symbol wanted[2 * SITES_BATCH] = {0};

	for (uint32_t i = 0; i < count; i++) {
		wanted[2 * i].address = segment->sites[sites[i]].callback;
		wanted[2 * i + 1].address = segment->sites[sites[i]].caller - CALLER_BACK;
		wanted[2 * i].tag = 2 * i;
		wanted[2 * i + 1].tag = 2 * i + 1;
	}
	modules_resolve(&segment->modules, wanted, 2 * count);
	for (uint32_t i = 0; i < 2 * count; i++) {
		struct segment_site *site = &segment->sites[sites[wanted[i].tag / 2]];

		if (wanted[i].tag % 2 == 0) {
			site->callback_symbol = wanted[i];
			continue;
		}
		wanted[i].offset += wanted[i].name.bytes > 0 ? CALLER_BACK : 0;
		site->caller_symbol = wanted[i];
	}
}

/* Tells a batch of sites, and before it what modules they lie in. */
static void sites_tell(struct segment *segment, const uint32_t *sites, uint32_t count, uint64_t now_ns)
{
	bool strange = false;

	for (uint32_t i = 0; i < count; i++)
		strange |= address_is_strange(segment, segment->sites[sites[i]].callback) ||
			   address_is_strange(segment, segment->sites[sites[i]].caller);
	if (strange)
		modules_read(&segment->modules);
	sites_resolve(segment, sites, count);
	put_modules(segment, now_ns);
	entries_begin(&segment->entries, TRACE_BLOCK_SITES);
	for (uint32_t i = 0; i < count; i++)
		put_site(segment, sites[i], now_ns);
	entries_flush(segment, &segment->entries, now_ns);
}

void segment_update_sites(struct segment *segment, uint64_t now_ns)
{
	/* Acquire: pairs with the release of the thread that took the site. */
	uint32_t end = atomic_load_explicit(&segment->shared->site_count, memory_order_acquire);
	uint32_t batch[SITES_BATCH], count = 0;

	end = end < TRACE_SITES_MAX ? end : TRACE_SITES_MAX;
	for (uint32_t i = segment->sites_seen; i < end; i++) {
		if (!site_take(segment, i))
			continue;
		segment->sites_end = i + 1 > segment->sites_end ? i + 1 : segment->sites_end;
		batch[count++] = i;
		if (count == SITES_BATCH) {
			sites_tell(segment, batch, count, now_ns);
			count = 0;
		}
	}
	if (count > 0)
		sites_tell(segment, batch, count, now_ns);
	while (segment->sites_seen < end && segment->sites[segment->sites_seen].known)
		segment->sites_seen++;
}

/* ---- Names ---------------------------------------------------------------------------------------------- */

static void put_name(struct segment *segment, uint32_t index, uint64_t now_ns)
{
	const struct shared_name *name = &segment->shared->names[index];
	uint32_t name_bytes = (uint32_t)strnlen(name->text, sizeof(name->text));
	uint32_t bytes = (uint32_t)sizeof(struct trace_name_entry) + name_bytes;
	struct trace_name_entry *entry = entries_add(segment, &segment->entries, &bytes, now_ns);

	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->name = (uint16_t)index;
	entry->name_bytes = (uint16_t)name_bytes;
	memcpy(entry->text, name->text, name_bytes);
}

/* Of each segment three quarters at most are about other things than events: where names do not fit into that, some are
 * told in other segments only. */
static bool has_room_for_names(const struct segment *segment)
{
	return segment->entries.header.payload_bytes + segment->writer.segment_bytes_max / 4 <=
	       writer_room(&segment->writer);
}

static bool name_is_ready(const struct segment *segment, uint32_t index)
{
	/* Acquire: pairs with the release of the thread that filled the text in. */
	return atomic_load_explicit(&segment->shared->names[index].ready, memory_order_acquire) == 1;
}

void segment_update_names(struct segment *segment, uint64_t now_ns)
{
	uint32_t end = atomic_load_explicit(&segment->shared->name_count, memory_order_acquire);

	end = end < TRACE_NAMES_MAX ? end : TRACE_NAMES_MAX;
	if (segment->names_seen >= end)
		return;
	entries_begin(&segment->entries, TRACE_BLOCK_NAMES);
	for (uint32_t i = segment->names_seen; i < end; i++) {
		if (segment->names_told[i] || !name_is_ready(segment, i))
			continue;
		if (has_room_for_names(segment))
			put_name(segment, i, now_ns);
		segment->names_told[i] = true;
	}
	entries_flush(segment, &segment->entries, now_ns);
	while (segment->names_seen < end && segment->names_told[segment->names_seen])
		segment->names_seen++;
}

/* ---- The whole ------------------------------------------------------------------------------------------ */

static void header_init(struct segment *segment)
{
	const struct shared *shared = segment->shared;
	struct trace_file_header *header = &segment->header;

	memcpy(header->magic, TRACE_MAGIC, sizeof(header->magic));
	header->version = TRACE_VERSION;
	header->reader_version_min = TRACE_READER_VERSION_MIN;
	header->header_bytes = sizeof(*header);
	header->pid = shared->pid;
	header->unit_shift = (uint8_t)(shared->unit_shift & 63);
	header->clock = (uint8_t)shared->clock;
	header->tier = (uint8_t)shared->tier;
	header->start_tick = shared->start.counter >> header->unit_shift;
	header->start_mono_ns = shared->start.mono_ns;
	header->start_real_ns = shared->start.real_ns;
	memcpy(header->process_id, shared->process_id, sizeof(header->process_id));
	memcpy(header->boot_id, shared->boot_id, sizeof(header->boot_id));
}

/* If the link is not readable: the executable is mapped below its libraries. */
static void guess_exe(struct segment *segment)
{
	const struct module *first = segment->modules.list;

	if (segment->modules.count == 0 || first->path.bytes > sizeof(segment->exe))
		return;
	segment->exe_bytes = first->path.bytes;
	memcpy(segment->exe, text_of(segment, first->path), first->path.bytes);
}

uint64_t segment_tick(const struct segment *segment)
{
	return segment->ended_tick ? segment->ended_tick : clock_read(segment->clock) >> segment->header.unit_shift;
}

int segment_init(struct segment *segment, struct shared *shared, uint64_t ended_tick)
{
	segment->shared = shared;
	segment->clock = shared->clock;
	segment->proc_pid = ended_tick ? 0 : shared->pid;
	segment->ended_tick = ended_tick;
	header_init(segment);
	entries_begin(&segment->samples, TRACE_BLOCK_SAMPLES);
	read_exe(segment);
	read_cmdline(segment);
	modules_init(&segment->modules, segment->proc_pid);
	if (modules_read(&segment->modules) != 0 || segment->modules.count == 0)
		read_noted(segment);
	if (segment->exe_bytes == 0)
		guess_exe(segment);
	return writer_init(&segment->writer, &shared->options, segment->header.pid);
}

int segment_begin(struct segment *segment, uint64_t now_ns)
{
	int error = writer_begin(&segment->writer, &segment->header, now_ns);

	if (error)
		return error;
	segment->begun_ns = now_ns;
	segment->modules_told = 0;
	put_process(segment, now_ns);
	segment_put_clock(segment, now_ns);
	put_kinds(segment, now_ns);
	put_modules(segment, now_ns);
	put_all_sites(segment, now_ns);
	memset(segment->names_told, 0, sizeof(segment->names_told));
	segment->names_seen = 0;
	segment_update_names(segment, now_ns);
	return segment->writer.is_open ? 0 : segment->writer.error;
}

void segment_end(struct segment *segment, uint32_t reason, uint64_t recorded, uint64_t lost, uint64_t now_ns)
{
	struct trace_seal seal = {
	    .reason = reason,
	    .tick = segment_tick(segment),
	    .recorded = recorded,
	    .lost = lost,
	};

	entries_flush(segment, &segment->samples, now_ns);
	segment_put_clock(segment, now_ns);
	put_single(segment, TRACE_BLOCK_SEAL, &seal, sizeof(seal), now_ns);
	if (reason == TRACE_SEAL_EXIT)
		writer_seal_and_go_on(&segment->writer);
	else
		writer_seal(&segment->writer);
}
