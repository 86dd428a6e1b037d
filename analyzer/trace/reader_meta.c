/* SPDX-License-Identifier: Apache-2.0
 *
 * What the blocks other than EVENTS say of a process: texts, clock, kinds, modules, sites,
 * workers, samples, names, seal.
 *
 * Rules: a later entry replaces an earlier one of the same thing, so segments must come in order.
 * An entry that does not fit where it stands ends its block, with a line in `problems`; unknown
 * block types are passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader_internal.h"

#define PROFILE_HZ_MAX 1000
#include "format/trace_wire.h"

#define NAMES_MAX 4096 /* a word has no room for more */

struct meta {
	struct reader *reader;
	struct trace_process *process;
	struct reader_state *state;
	size_t process_index;
};

/* What it does not know has a note, too. */
static int text_unseen(struct trace_process *process, const struct trace_text *text)
{
	static const char pool_items[] = TRACE_UNSEEN_POOL_ITEMS;

	if (text->text_bytes == sizeof(pool_items) - 1 &&
	    memcmp(text->text, pool_items, text->text_bytes) == 0)
		process->pool_items_unseen = true;
	return 0;
}

void reader_set_pending(struct trace_process *process, uint64_t seconds)
{
	process->pending_ns =
	    seconds > 0 && seconds <= UINT32_MAX ? seconds * 1000000000 : UINT64_MAX;
}

static void set_profile_hz(struct trace_process *process, uint64_t hz)
{
	process->profile_hz = hz <= PROFILE_HZ_MAX ? (uint32_t)hz : 0;
}

/* "UVTRACE_PENDING_SECONDS=6"; options that are not known are passed over. */
static void parse_option(struct trace_process *process, const struct trace_text *text)
{
	static const struct {
		const char *name;
		void (*set)(struct trace_process *process, uint64_t value);
	} options[] = {{"UVTRACE_PENDING_SECONDS=", reader_set_pending},
		       {"UVTRACE_SAMPLE_HZ=", set_profile_hz}};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char value[8] = "";
		size_t name_bytes = strlen(options[i].name);

		if (text->text_bytes <= name_bytes ||
		    text->text_bytes - name_bytes >= sizeof(value) ||
		    memcmp(text->text, options[i].name, name_bytes) != 0)
			continue;
		memcpy(value, text->text + name_bytes, text->text_bytes - name_bytes);
		if (value[0] >= '0' && value[0] <= '9')
			options[i].set(process, strtoull(value, NULL, 10));
	}
}

static int parse_text(struct meta *meta, const void *entry, uint32_t bytes)
{
	struct trace_process *process = meta->process;
	const struct trace_text *text = entry;
	char **places[] = {
	    [TRACE_TEXT_EXE] = &process->exe,
	    [TRACE_TEXT_CMDLINE] = &process->cmdline,
	    [TRACE_TEXT_LIBUV] = &process->libuv,
	    [TRACE_TEXT_LIBUV_PATH] = &process->libuv_path,
	    [TRACE_TEXT_RING_PATH] = &process->ring_path,
	    [TRACE_TEXT_VERSION] = &process->version,
	    [TRACE_TEXT_HOW] = &process->how,
	};

	if (text->text_bytes > bytes - offsetof(struct trace_text, text))
		return -EINVAL;
	if (text->key == TRACE_TEXT_NOTE)
		return reader_note(process, "%.*s", text->text_bytes, text->text);
	if (text->key == TRACE_TEXT_UNSEEN)
		return text_unseen(process, text);
	if (text->key == TRACE_TEXT_OPTION)
		parse_option(process, text);
	if (text->key >= sizeof(places) / sizeof(places[0]) || !places[text->key])
		return 0;
	return reader_text_set(places[text->key], text->text, text->text_bytes);
}

static int parse_dump(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_dump *dump = entry;

	if (dump->reason_bytes > bytes - sizeof(*dump) ||
	    dump->covered_from_ns > dump->covered_to_ns)
		return -EINVAL;
	memcpy(&meta->process->dump, dump, sizeof(*dump));
	return reader_text_set(&meta->process->dump_reason, (const char *)(dump + 1),
			       dump->reason_bytes);
}

static int parse_clock(struct meta *meta, const void *entry, uint32_t bytes)
{
	struct trace_clock_pair *pair =
	    reader_append(&meta->state->pairs, &meta->state->pair_count, sizeof(*pair));

	if (!pair)
		return -ENOMEM;
	memcpy(pair, entry, bytes);
	return 0;
}

int reader_meta_set_kind(struct trace_process *process, uint32_t number,
			 const struct trace_kind_info *kind, const char *name, size_t name_bytes)
{
	struct trace_kind_info *place;

	if (reader_resize(&process->kinds, &process->kind_count, number + 1, sizeof(*place)) != 0)
		return -ENOMEM;
	place = &process->kinds[number];
	place->class = kind->class;
	place->work_req_offset = kind->work_req_offset;
	return reader_text_set(&place->name, name, name_bytes);
}

static int parse_kind(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_kind_entry *kind = entry;
	struct trace_kind_info info = {.class = kind->class,
				       .work_req_offset = kind->work_req_offset};

	if (kind->name_bytes > bytes - offsetof(struct trace_kind_entry, name) ||
	    info.class > KIND_CLASS_WORKFN)
		return -EINVAL;
	return reader_meta_set_kind(meta->process, kind->kind, &info, kind->name, kind->name_bytes);
}

int reader_meta_set_name(struct trace_process *process, uint32_t index, const char *name,
			 size_t name_bytes)
{
	if (reader_resize(&process->names, &process->name_count, index + 1,
			  sizeof(*process->names)) != 0)
		return -ENOMEM;
	return reader_text_set(&process->names[index], name, name_bytes);
}

static int parse_name(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_name_entry *name = entry;

	if (name->name_bytes > bytes - offsetof(struct trace_name_entry, text) ||
	    name->name >= NAMES_MAX)
		return -EINVAL;
	return reader_meta_set_name(meta->process, name->name, name->text, name->name_bytes);
}

/* The module of this place and path, made where it is not known yet; NULL when memory is out. */
static struct trace_module *find_module(struct trace_process *process, uint64_t start,
					const char *path)
{
	uint64_t hash = reader_hash(start, path, strlen(path));
	size_t probe = 0, at;

	while ((at = reader_index_next(&process->indices->modules, hash, &probe)) != READER_NOWHERE)
		if (process->modules[at].start == start &&
		    strcmp(process->modules[at].path, path) == 0)
			return &process->modules[at];
	if (reader_index_add(&process->indices->modules, hash, process->module_count) != 0)
		return NULL;
	return reader_append(&process->modules, &process->module_count,
			     sizeof(struct trace_module));
}

static int parse_module(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_module_entry *from = entry;
	struct trace_module *module;
	char *path;

	if ((uint64_t)from->build_id_bytes + from->path_bytes >
		bytes - offsetof(struct trace_module_entry, text) ||
	    from->build_id_bytes > sizeof(module->build_id) || from->start > from->end)
		return -EINVAL;
	path = strndup(from->text + from->build_id_bytes, from->path_bytes);
	if (!path)
		return -ENOMEM;
	module = find_module(meta->process, from->start, path);
	if (!module) {
		free(path);
		return -ENOMEM;
	}
	free(module->path);
	*module = (struct trace_module){.bias = from->bias,
					.start = from->start,
					.end = from->end,
					.path = path,
					.build_id_bytes = from->build_id_bytes};
	memcpy(module->build_id, from->text, from->build_id_bytes);
	return 0;
}

static int set_symbol(char **symbol, const char *from, size_t bytes)
{
	return bytes ? reader_text_set(symbol, from, bytes) : 0;
}

/* Takes everything but the symbols. */
int reader_meta_set_site(struct trace_process *process, uint32_t index,
			 const struct trace_site *site)
{
	struct trace_site *place;

	if (reader_resize(&process->sites, &process->site_count, index + 1, sizeof(*place)) != 0)
		return -ENOMEM;
	place = &process->sites[index];
	free(place->callback_symbol);
	free(place->caller_symbol);
	*place = *site;
	place->present = true;
	place->callback_symbol = place->caller_symbol = NULL;
	return 0;
}

static int parse_site(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_site_entry *from = entry;
	struct trace_site site = {.kind = from->kind,
				  .callback = from->callback,
				  .caller = from->caller,
				  .callback_offset = from->callback_offset,
				  .caller_offset = from->caller_offset};
	struct trace_site *place;
	int error;

	if ((uint32_t)from->callback_symbol_bytes + from->caller_symbol_bytes >
		bytes - offsetof(struct trace_site_entry, text) ||
	    from->site >= TRACE_SITES_MAX)
		return -EINVAL;
	error = reader_meta_set_site(meta->process, from->site, &site);
	if (error)
		return error;
	place = &meta->process->sites[from->site];
	error = set_symbol(&place->callback_symbol, from->text, from->callback_symbol_bytes);
	return error ? error
		     : set_symbol(&place->caller_symbol, from->text + from->callback_symbol_bytes,
				  from->caller_symbol_bytes);
}

/* The worker of this number, made where it is not known yet; NULL when memory is out. They are put
 * in order at last. */
struct trace_worker *reader_meta_worker(struct trace_process *process, uint32_t number)
{
	uint64_t hash = reader_hash(0, &number, sizeof(number));
	struct trace_worker *worker;
	size_t probe = 0, at;

	while ((at = reader_index_next(&process->indices->workers, hash, &probe)) != READER_NOWHERE)
		if (process->workers[at].worker == number)
			return &process->workers[at];
	worker = reader_append(&process->workers, &process->worker_count, sizeof(*worker));
	if (!worker)
		return NULL;
	*worker = (struct trace_worker){.worker = number, .role = TRACE_ROLE_LOOP};
	worker->blocks = calloc(1, sizeof(*worker->blocks));
	if (worker->blocks &&
	    reader_index_add(&process->indices->workers, hash, process->worker_count - 1) == 0)
		return worker;
	free(worker->blocks);
	process->worker_count--;
	return NULL;
}

/* Roles of the future count as loops. */
uint8_t reader_meta_role(uint32_t role)
{
	return role >= TRACE_ROLE_LOOP && role <= TRACE_ROLE_OTHER ? role : TRACE_ROLE_LOOP;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static int parse_worker(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_worker_entry *from = entry;
	struct trace_worker *worker;

	if (from->name_bytes > bytes - offsetof(struct trace_worker_entry, name) ||
	    from->recorded >= READER_INDEX_MAX || from->start_tick >= READER_TICK_MAX ||
	    from->end_tick >= READER_TICK_MAX)
		return -EINVAL;
	worker = reader_meta_worker(meta->process, from->worker);
	if (!worker)
		return -ENOMEM;
	worker->tid = from->tid;
	worker->role = reader_meta_role(from->role);
	memset(worker->name, 0, sizeof(worker->name));
	memcpy(worker->name, from->name,
	       from->name_bytes < sizeof(worker->name) ? from->name_bytes
						       : sizeof(worker->name) - 1);
	worker->start_tick = from->start_tick;
	worker->end_tick = from->end_tick;
	worker->blocks->recorded = max_u64(worker->blocks->recorded, from->recorded);
	worker->lost = max_u64(worker->lost, from->lost);
	return 0;
}

static int parse_sample(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_sample *sample = entry;

	(void)bytes;
	if (sample->tick >= READER_TICK_MAX)
		return -EINVAL;
	return reader_samples_add(meta->reader, meta->process_index, sample);
}

static int parse_stall(struct meta *meta, const void *entry, uint32_t bytes)
{
	return reader_stalls_add(meta->reader, meta->process_index, entry, bytes);
}

static int parse_profile(struct meta *meta, const void *entry, uint32_t bytes)
{
	return reader_profile_add(meta->reader, meta->process_index, entry, bytes);
}

static int parse_script_text(struct meta *meta, const void *entry, uint32_t bytes)
{
	return reader_scripts_add_text(meta->reader, meta->process_index, entry, bytes);
}

static int parse_seal(struct meta *meta, const void *entry, uint32_t bytes)
{
	const struct trace_seal *seal = entry;

	(void)bytes;
	if (seal->tick >= READER_TICK_MAX)
		return -EINVAL;
	meta->process->sealed = true;
	meta->process->seal_reason = seal->reason;
	meta->state->seal_tick = max_u64(meta->state->seal_tick, seal->tick);
	meta->state->seal_recorded = max_u64(meta->state->seal_recorded, seal->recorded);
	meta->state->seal_lost = max_u64(meta->state->seal_lost, seal->lost);
	return 0;
}

/* How the entries of each block type lie: bytes of their fixed part, and of the length that they
 * begin with (0: they have none, all are equally long). */
static const struct meta_type {
	uint16_t fixed_bytes;
	uint16_t length_bytes;
	int (*parse)(struct meta *meta, const void *entry, uint32_t bytes);
} meta_types[] = {
    [TRACE_BLOCK_PROCESS] = {offsetof(struct trace_text, text), 4, parse_text},
    [TRACE_BLOCK_CLOCK] = {sizeof(struct trace_clock_pair), 0, parse_clock},
    [TRACE_BLOCK_KINDS] = {offsetof(struct trace_kind_entry, name), 2, parse_kind},
    [TRACE_BLOCK_MODULES] = {offsetof(struct trace_module_entry, text), 4, parse_module},
    [TRACE_BLOCK_SITES] = {offsetof(struct trace_site_entry, text), 4, parse_site},
    [TRACE_BLOCK_WORKERS] = {offsetof(struct trace_worker_entry, name), 4, parse_worker},
    [TRACE_BLOCK_SAMPLES] = {sizeof(struct trace_sample), 2, parse_sample},
    [TRACE_BLOCK_STALLS] = {sizeof(struct trace_stall_entry), 4, parse_stall},
    [TRACE_BLOCK_PROFILE] = {sizeof(struct trace_stall_entry), 4, parse_profile},
    [TRACE_BLOCK_SEAL] = {sizeof(struct trace_seal), 0, parse_seal},
    [TRACE_BLOCK_NAMES] = {offsetof(struct trace_name_entry, text), 4, parse_name},
    [TRACE_BLOCK_SCRIPT_TEXTS] = {offsetof(struct trace_script_text, text), 4, parse_script_text},
    [TRACE_BLOCK_DUMP] = {sizeof(struct trace_dump), 4, parse_dump},
};

/* The entry's length, or 0 where it is none that can be. */
static uint32_t entry_bytes(const struct meta_type *type, const unsigned char *entry, uint32_t left)
{
	uint32_t bytes;

	if (left < type->fixed_bytes)
		return 0;
	bytes = type->length_bytes ? get_bytes(entry, type->length_bytes) : type->fixed_bytes;
	return bytes >= type->fixed_bytes && bytes <= left && bytes % 8 == 0 ? bytes : 0;
}

static int parse_entries(struct meta *meta, const struct meta_type *type,
			 const unsigned char *payload, uint32_t left)
{
	int error = 0;

	while (!error && left > 0) {
		uint32_t bytes = entry_bytes(type, payload, left);

		if (bytes == 0)
			return -EINVAL;
		error = type->parse(meta, payload, bytes);
		payload += bytes;
		left -= bytes;
	}
	return error;
}

int reader_meta_parse(struct reader *reader, size_t process, const struct reader_file *file,
		      const struct reader_block *block)
{
	struct meta meta = {reader, &reader->trace.processes[process], &reader->states[process],
			    process};
	const struct meta_type *type;
	unsigned char *payload;
	ssize_t got;
	int error = 0;

	if (block->type >= sizeof(meta_types) / sizeof(meta_types[0]) ||
	    !meta_types[block->type].parse)
		return 0;
	type = &meta_types[block->type];
	payload = malloc(block->payload_bytes + 1);
	if (!payload)
		return -ENOMEM;
	got = reader_file_read(file, payload, block->payload_bytes, block->offset);
	if (got < 0 || (size_t)got < block->payload_bytes)
		error = -EIO;
	else
		error = parse_entries(&meta, type, payload, block->payload_bytes);
	free(payload);
	if (!error || error == -ENOMEM)
		return error;
	reader_problem(reader, "%s: an entry that makes no sense in the block at byte %llu",
		       file->path, (unsigned long long)block->offset);
	return 0;
}
