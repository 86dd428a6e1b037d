/* SPDX-License-Identifier: Apache-2.0
 *
 * What JavaScript calls: put files in, open them, choose a process, have it read step by step, ask
 * for its figures. Answers in JSON are valid until the next one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "stand_ins/symbols_embedded.h"
#include "viewer.h"

struct viewer viewer;

static struct loader *building; /* NULL: nothing is */

const char *viewer_answer(json_t *json)
{
	free(viewer.text);
	viewer.text = json ? strdup(json_text_of(json)) : NULL;
	json_decref(json);
	return viewer.text;
}

/* ---- Files ----------------------------------------------------------------------------------- */

EXPORT(page_alloc) void *page_alloc(size_t bytes)
{
	return malloc(bytes);
}

EXPORT(page_free) void page_free(void *memory)
{
	free(memory);
}

/* Both from page_alloc(). */
EXPORT(page_add_file) int page_add_file(char *name, void *data, size_t bytes)
{
	return files_add(name, data, bytes);
}

EXPORT(page_give_symbols) void page_give_symbols(char *lines)
{
	symbols_give(lines);
}

static void process_forget(void)
{
	loader_close(building);
	building = NULL;
	parts_forget();
	for (size_t i = 0; viewer.lanes && i < viewer.process->worker_count; i++)
		lane_free(&viewer.lanes[i]);
	free(viewer.lanes);
	levels_free(&viewer.pool);
	levels_free(&viewer.requests);
	figures_free(&viewer.figures);
	briefs_free(&viewer.briefs);
	steps_forget();
	runs_forget();
	symbols_close(viewer.symbols);
	free(viewer.filter_sites);
	free(viewer.find_sites);
	free(viewer.flame);
	viewer = (struct viewer){.trace = viewer.trace, .text = viewer.text};
}

EXPORT(page_clear) void page_clear(void)
{
	process_forget();
	trace_close(viewer.trace);
	viewer.trace = NULL;
	files_clear();
}

static void open_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	page_progress(PROGRESS_OPEN, total ? (double)done / (double)total : 0);
}

static json_t *lines_json(char *const *lines, size_t count)
{
	json_t *json = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(json, json_string(lines[i]));
	return json;
}

static json_t *process_line(const struct trace_process *process)
{
	json_t *json = json_object();
	char start[24];

	json_put(json, "pid", json_integer(process->pid));
	json_put(json, "program", json_string(process->exe));
	json_put(json, "command", json_string(process->cmdline));
	json_put(json, "events", json_integer((json_int_t)process->events));
	snprintf(start, sizeof(start), "%" PRIu64, process->start_real_ns);
	json_put(json, "start_real_ns", json_string(start)); /* more digits than a double has */
	return json;
}

/* Opens all files. NULL: no memory. */
EXPORT(page_open) const char *page_open(void)
{
	json_t *json = json_object(), *processes = json_array();

	viewer.trace = trace_open(files_names(), files_count(), open_progress, NULL);
	if (!viewer.trace)
		return NULL;
	for (size_t i = 0; i < viewer.trace->process_count; i++)
		json_array_append_new(processes, process_line(&viewer.trace->processes[i]));
	json_put(json, "processes", processes);
	json_put(json, "problems", lines_json(viewer.trace->problems, viewer.trace->problem_count));
	json_put(json, "bytes", json_integer((json_int_t)viewer.trace->bytes));
	json_put(json, "files", json_integer(viewer.trace->files));
	return viewer_answer(json);
}

/* ---- One process ----------------------------------------------------------------------------- */

static int samples_take(void)
{
	const struct trace_process *process = viewer.process;

	for (size_t i = 0; i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		size_t worker = 0;
		while (worker < process->worker_count &&
		       process->workers[worker].worker != sample->worker)
			worker++;
		if (worker == process->worker_count || sample->type != TRACE_SAMPLE_WORKER)
			continue;
		struct lane *lane = &viewer.lanes[worker];
		if (!lane->samples)
			lane->samples = calloc(process->sample_count, sizeof(*lane->samples));
		if (!lane->samples)
			return -ENOMEM;
		lane->samples[lane->sample_count++] = sample;
	}
	return 0;
}

static void build_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	page_progress(PROGRESS_BUILD, total ? (double)done / (double)total : 0);
}

static int process_ready(void)
{
	struct timeline_options options = figure_options();

	options.watch = &lanes_watch;
	viewer.lanes = calloc(viewer.process->worker_count + 1, sizeof(*viewer.lanes));
	viewer.sites = (uint32_t)viewer.process->site_count;
	viewer.symbols = symbols_open(viewer.process);
	if (viewer.lanes)
		viewer.figures = figures_read(&options, true, build_progress);
	viewer.timeline = viewer.figures.timeline;
	viewer.filter_sites = malloc(viewer.sites + 1);
	viewer.find_sites = malloc(viewer.sites + 1);
	if (!viewer.symbols || !viewer.timeline || !viewer.lanes || !viewer.filter_sites ||
	    !viewer.find_sites)
		return -ENOMEM;
	memset(viewer.filter_sites, 1, viewer.sites + 1);
	memset(viewer.find_sites, 1, viewer.sites + 1);
	building = loader_open();
	return building ? samples_take() : -ENOMEM;
}

/* Begins to read a process; page_build() goes on. 0 or -ENOMEM. */
EXPORT(page_choose) int page_choose(uint32_t process)
{
	process_forget();
	viewer.process_index = process;
	viewer.process = &viewer.trace->processes[process];
	return process_ready();
}

static int lanes_finish(void)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < viewer.process->worker_count; i++) {
		error = lane_tree_finish(&viewer.lanes[i].polls);
		if (error == 0)
			error = lane_tree_finish(&viewer.lanes[i].work);
		if (error == 0)
			error = named_finish(&viewer.lanes[i].named);
	}
	return error;
}

/* The share that is done, 1: all; -1: no memory. */
EXPORT(page_build) double page_build(uint32_t batches)
{
	int state = loader_step(building, batches);

	if (state > 0)
		return loader_share(building) * 0.999;
	loader_close(building);
	building = NULL;
	if (state == 0)
		state = levels_finish(&viewer.pool) < 0 || levels_finish(&viewer.requests) < 0
			    ? -ENOMEM
			    : lanes_finish();
	return state < 0 ? -1 : 1;
}

static json_t *worker_json(size_t position)
{
	const struct trace_worker *worker = &viewer.process->workers[position];
	const struct lane *lane = &viewer.lanes[position];
	json_t *json = json_object();
	const char *role = trace_role_name(worker->role);

	json_put(json, "worker", json_integer(worker->worker));
	json_put(json, "role", json_string(role ? role : ""));
	json_put(json, "name", json_string(worker->name));
	json_put(json, "tid", json_integer(worker->tid));
	json_put(json, "start_ns", json_real(time_ns(lane->first_tick)));
	json_put(json, "end_ns", json_real(time_ns(lane->last_tick)));
	json_put(json, "events", json_integer((json_int_t)worker->events));
	json_put(json, "lost", json_integer((json_int_t)worker->lost));
	json_put(json, "missing", json_integer((json_int_t)worker->missing));
	json_put(json, "depth", json_integer(lane->depth_max));
	json_put(json, "span_rows", json_integer(named_rows(&lane->named)));
	json_put(json, "has_marks", json_boolean(lane->named.mark_count > 0));
	json_put(json, "said_left_out", json_integer((json_int_t)lane->named.left_out));
	return json;
}

static json_t *site_json(uint32_t site)
{
	const struct symbol_info *callback = symbols_site(viewer.symbols, site, false);
	const struct symbol_info *caller = symbols_site(viewer.symbols, site, true);
	json_t *json = json_object();

	json_put(json, "kind", json_string(report_kind(viewer.timeline, site)));
	json_put(json, "name", json_string(callback->name));
	json_put(json, "text", json_string(callback->text));
	json_put(json, "file", json_string(callback->file));
	json_put(json, "line", json_integer(callback->line));
	json_put(json, "module", json_string(callback->module));
	json_put(json, "caller", json_string(caller->name));
	json_put(json, "caller_text", json_string(caller->text));
	json_put(json, "caller_file", json_string(caller->file));
	json_put(json, "caller_line", json_integer(caller->line));
	return json;
}

/* Of marks and spans; one more for unknown ones. */
static json_t *names_json(void)
{
	json_t *json = json_array();

	for (uint32_t i = 0; i <= viewer.process->name_count; i++) {
		const char *name = trace_name(viewer.process, i);
		json_array_append_new(json, json_string(name ? name : "(unknown)"));
	}
	return json;
}

/* When recording was switched off: pairs of ns. */
static json_t *off_json(void)
{
	json_t *json = json_array();
	const struct trace_process *process = viewer.process;
	bool off = false;

	for (size_t i = 0; i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		if (sample->type != TRACE_SAMPLE_RECORDING || off == (sample->a == 0))
			continue;
		off = sample->a == 0;
		json_array_append_new(json, json_real(time_ns(sample->tick)));
	}
	if (off)
		json_array_append_new(json, json_real(time_ns(process->last_tick)));
	return json;
}

EXPORT(page_process) const char *page_process(void)
{
	const struct trace_process *process = viewer.process;
	json_t *json = json_object(), *workers = json_array(), *sites = json_array();

	for (size_t i = 0; i < process->worker_count; i++)
		json_array_append_new(workers, worker_json(i));
	for (uint32_t i = 0; i <= process->site_count; i++)
		json_array_append_new(sites, site_json(i));
	json_put(json, "start_ns", json_real(time_ns(viewer.timeline->from_tick)));
	json_put(json, "end_ns", json_real(time_ns(process->last_tick)));
	json_put(json, "off", off_json());
	json_put(json, "workers", workers);
	json_put(json, "names", names_json());
	json_put(json, "sites", sites);
	json_put(json, "transactions_left_out", json_integer((json_int_t)viewer.briefs.left_out));
	return viewer_answer(json);
}

/* ---- The filter ------------------------------------------------------------------------------ */

/* One byte a site, for JavaScript to fill before page_filter(). */
EXPORT(page_filter_sites) uint8_t *page_filter_sites(void)
{
	return viewer.filter_sites;
}

static void retree_batch(void *arg, const struct part_batch *batch)
{
	lane_tree_add(arg, batch->boxes, batch->box_count, &viewer.filter);
}

/* The same boxes into the same leaves: only the sums are others. */
static void lane_retree(size_t worker)
{
	struct lane *lane = &viewer.lanes[worker];

	viewer.filter.worker = worker;
	lane->polls.counts[0] = 0;
	for (size_t part = 0; part < lane->part_count; part++) {
		lane_tree_end_leaf(&lane->polls);
		part_read(worker, part, retree_batch, &lane->polls);
		if (part % 64 == 0)
			page_progress(PROGRESS_FILTER,
				      ((double)worker + (double)part / (double)lane->part_count) /
					  (double)viewer.process->worker_count);
	}
	lane->work.counts[0] = 0;
	for (size_t i = 0; i < lane->item_count; i++) {
		struct box shown = lane->items[i].box;
		if (!lane->items[i].drawn)
			shown.type = BOX_TYPES;
		lane_tree_add(&lane->work, &shown, 1, &viewer.filter);
	}
}

/* 0 or -ENOMEM. */
EXPORT(page_filter) int page_filter(int by_site, double object, double shortest_ns)
{
	viewer.filter.sites = by_site ? viewer.filter_sites : NULL;
	viewer.filter.object = (uint64_t)object;
	viewer.filter.shortest = ticks_at_least(shortest_ns);
	for (size_t i = 0; i < viewer.process->worker_count; i++)
		lane_retree(i);
	return lanes_finish();
}
