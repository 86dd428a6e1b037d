/* SPDX-License-Identifier: Apache-2.0
 *
 * What a ring says of its process beside the records: texts, modules, clock, kinds, sites, names.
 *
 * Rules: what a file has said stays. Counts and lengths of the ring are somebody else's: none is
 * believed beyond its array.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "format/trace_tables.h"
#include "reader_salvage_internal.h"

static int salvage_sites(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	int error = 0;

	for (uint32_t i = 0; !error && i < TRACE_SITES_MAX && i < salvage->shared->site_count;
	     i++) {
		const struct shared_site *from = &salvage->shared->sites[i];
		struct trace_site site = {
		    .kind = from->kind, .callback = from->callback, .caller = from->caller};

		if (from->ready == 1 && (i >= process->site_count || !process->sites[i].present))
			error = reader_meta_set_site(process, i, &site);
	}
	return error;
}

static int salvage_kinds(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	int error = 0;

	for (uint32_t i = 1; !error && i < KIND_COUNT; i++) {
		struct trace_kind_info kind = {.class = trace_kinds[i].class,
					       .work_req_offset =
						   salvage->shared->work_req_offset[i]};

		if (i >= process->kind_count || !process->kinds[i].name)
			error = reader_meta_set_kind(process, i, &kind, trace_kinds[i].name,
						     strlen(trace_kinds[i].name));
	}
	return error;
}

static int salvage_names(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	int error = 0;

	for (uint32_t i = 0; !error && i < TRACE_NAMES_MAX && i < salvage->shared->name_count;
	     i++) {
		const struct shared_name *name = &salvage->shared->names[i];

		if (name->ready == 1 && !trace_name(process, i))
			error = reader_meta_set_name(process, i, name->text,
						     strnlen(name->text, sizeof(name->text)));
	}
	return error;
}

/* The program's own list, in the form of a MODULES block, where no file has one. */
static int salvage_modules(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	struct reader_block block = {.type = TRACE_BLOCK_MODULES,
				     .offset = offsetof(struct shared, loaded),
				     .payload_bytes = salvage->shared->loaded_bytes};
	int error = 0;

	if (process->module_count == 0 && block.payload_bytes <= SHARED_LOADED_BYTES)
		error = reader_meta_parse(salvage->reader, salvage->process,
					  &salvage->reader->files[salvage->file_index], &block);
	if (!error && !*process->exe && process->module_count > 0)
		error = reader_text_set(&process->exe, process->modules[0].path,
					strlen(process->modules[0].path));
	return error;
}

static int salvage_texts(struct salvage *salvage)
{
	struct trace_process *process = &salvage->reader->trace.processes[salvage->process];
	struct shared *shared = salvage->shared;
	int error = 0;

	reader_set_pending(process, shared->options.pending_seconds);
	if (!*process->libuv_path)
		error = reader_text_set(&process->libuv_path, shared->libuv_path,
					strnlen(shared->libuv_path, sizeof(shared->libuv_path)));
	if (!error && !*process->ring_path)
		error = reader_text_set(&process->ring_path, shared->self_path,
					strnlen(shared->self_path, sizeof(shared->self_path)));
	if (!error && !*process->how)
		error = reader_text_set(&process->how, shared->libuv_how,
					strnlen(shared->libuv_how, sizeof(shared->libuv_how)));
	if (!error && shared->libuv_note[0])
		error = reader_note(process, "%.*s",
				    (int)strnlen(shared->libuv_note, sizeof(shared->libuv_note)),
				    shared->libuv_note);
	if (!error && shared->unseen & SHARED_UNSEEN_POOL_ITEMS) {
		process->pool_items_unseen = true;
		error = reader_note(process, "%s", TRACE_UNSEEN_POOL_ITEMS_NOTE);
	}
	return error;
}

static int add_pair(struct salvage *salvage, struct trace_clock_pair from)
{
	struct reader_state *state = &salvage->reader->states[salvage->process];
	struct trace_clock_pair *pair =
	    reader_append(&state->pairs, &state->pair_count, sizeof(*pair));

	if (!pair)
		return -ENOMEM;
	*pair = from;
	return 0;
}

/* Where the trace may have been made here, on this kind of machine, its clock can still be read. */
#if defined(__x86_64__) || defined(__aarch64__)
#include "ring/clock.h"

static int add_pair_of_now(struct salvage *salvage)
{
	return reader_boot_is_ours(salvage->shared->boot_id)
		   ? add_pair(salvage, clock_pair_read(salvage->shared->clock))
		   : 0;
}
#else
static int add_pair_of_now(struct salvage *salvage)
{
	(void)salvage;
	return 0;
}
#endif

/* A ring says what its clock showed at the start only. Where no segment says more, but the machine
 * has not been started anew since, its clock goes on to show how fast it is. */
static int salvage_clock(struct salvage *salvage)
{
	size_t known = salvage->reader->states[salvage->process].pair_count;
	int error = add_pair(salvage, salvage->shared->start);

	return error || known > 0 ? error : add_pair_of_now(salvage);
}

int salvage_tables(struct salvage *salvage)
{
	static int (*const steps[])(struct salvage *) = {salvage_texts, salvage_modules,
							 salvage_clock, salvage_kinds,
							 salvage_sites, salvage_names};
	int error = 0;

	for (size_t i = 0; !error && i < sizeof(steps) / sizeof(steps[0]); i++)
		error = steps[i](salvage);
	return error;
}
