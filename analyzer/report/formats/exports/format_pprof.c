/* SPDX-License-Identifier: Apache-2.0
 *
 * What callbacks took in pprof's format (pprof.proto), for pprof and for what else reads it. Where
 * the trace has a profile (UVTRACE_SAMPLE_HZ): each of its samples, with the time that it stands
 * for. Without one: the runs of callbacks and of the pool's work with their own time, and the stall
 * samples that were taken of them, with the callback as outermost function. Labels are the kind of
 * callback, the worker, and the signature of the transaction that it was part of.
 *
 * Rules: the file holds one process, the first that ran a callback or was sampled. No time is in it
 * twice: what stall samples stand for is taken off the callback's own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/open_stack.h"
#include "pprof_parts.h"
#include "pprof_rows.h"
#include "pprof_signatures.h"
#include "report/profile_rows.h"
#include "report/formats/report_formats_internal.h"
#include "transactions/native/step_index.h"
#include "walk.h"

#define SECOND_NS  1000000000
#define TEXT_BYTES 512

/* A callback that is open. */
struct open_run {
	uint32_t site;
	uint64_t inner_ticks; /* of callbacks inside it */
	uint64_t signature;
};

struct lane {
	uint32_t depth;
	struct open_run runs[OPEN_STACK_MAX];
};

/* A sample of a callback, or of work on the pool. */
struct look {
	const struct stall *stall;
	uint64_t key; /* when the callback began; of the pool's work: when the sample was taken */
	bool told;
};

struct pprof {
	struct step_index *index;
	const struct report *report;
	bool has_profile;
	struct pprof_parts parts;
	struct step_reader *polls, *items;
	struct lane *lanes;
	struct pprof_rows rows;
	struct look *looks; /* by key */
	size_t look_count;
	struct pprof_signatures signatures;
	int error;
};

/* ---- Samples --------------------------------------------------------------------------------- */

static void labels_add(const struct pprof *pprof, struct pprof_sample *sample, uint32_t site,
		       uint32_t worker, uint64_t signature, char text[TEXT_BYTES])
{
	const struct trace_process *process = pprof->report->timeline->process;
	const char *transaction = pprof_signature_text(&pprof->signatures, signature);

	pprof_label_add(sample, "callback kind",
			site < process->site_count ? report_kind(pprof->report->timeline, site)
						   : "(unknown)");
	if (worker < process->worker_count) {
		snprintf(text, TEXT_BYTES, "%s worker %u",
			 trace_role_name(process->workers[worker].role),
			 process->workers[worker].worker);
		pprof_label_add(sample, "worker", text);
	}
	if (transaction)
		pprof_label_add(sample, "transaction", transaction);
}

static void look_write(struct pprof *pprof, const struct stall *look, uint64_t signature)
{
	const struct report *report = pprof->report;
	struct pprof_sample sample = {
	    .count = pprof->has_profile, /* of a stall sample the run is counted elsewhere */
	    .ns = timeline_ns(report->timeline, look->ticks),
	};
	char text[TEXT_BYTES];

	for (size_t i = 0; i < look->frame_count && i + 1 < PPROF_PLACES_MAX; i++) {
		const struct stack_frame *frame = &look->frames[i];

		pprof_place_add(&sample,
				pprof_place(&pprof->parts, frame->symbol,
					    frame->script ? (int)frame->script->first_line : 0));
	}
	if (look->site < report->timeline->process->site_count)
		pprof_place_add(&sample,
				pprof_place(&pprof->parts,
					    symbols_site(report->symbols, look->site, false), 0));
	labels_add(pprof, &sample, look->site, (uint32_t)look->worker, signature, text);
	pprof_sample_write(&pprof->parts, &sample);
}

static uint64_t row_place(struct pprof *pprof, const struct pprof_row *row, uint32_t site)
{
	char name[TEXT_BYTES];
	struct symbol_info work = {.name = name, .file = "", .module = "", .text = name};

	if (!row->in_pool && site != PPROF_NOWHERE)
		return pprof_place(&pprof->parts, symbols_site(pprof->report->symbols, site, false),
				   0);
	snprintf(name, sizeof(name), "%s%s",
		 site != PPROF_NOWHERE ? report_kind(pprof->report->timeline, site) : "(others)",
		 row->in_pool ? " on the pool" : "");
	return pprof_place(&pprof->parts, &work, 0);
}

static void row_write(struct pprof *pprof, const struct pprof_row *row)
{
	struct pprof_sample sample = {.count = row->count,
				      .ns = timeline_ns(pprof->report->timeline, row->ticks)};
	char text[TEXT_BYTES];

	for (uint32_t i = 0; i < row->depth; i++)
		pprof_place_add(&sample, row_place(pprof, row, row->sites[i]));
	labels_add(pprof, &sample, row->sites[0], row->worker, row->signature, text);
	pprof_sample_write(&pprof->parts, &sample);
}

/* ---- Looks ----------------------------------------------------------------------------------- */

static int compare_looks(const void *left, const void *right)
{
	const struct look *a = left, *b = right;

	return a->key != b->key
		   ? (a->key < b->key ? -1 : 1)
		   : (a->stall->tick > b->stall->tick) - (a->stall->tick < b->stall->tick);
}

static int looks_sort(struct pprof *pprof)
{
	const struct report *report = pprof->report;
	const struct stalls *list = pprof->has_profile ? report->profile : report->stalls;
	size_t count = list ? list->count : 0;

	pprof->looks = calloc(count + 1, sizeof(*pprof->looks));
	for (size_t i = 0; pprof->looks && i < count; i++) {
		const struct stall *stall = &list->list[i];
		bool of_callback = pprof->has_profile || stall->stall_sample->poll_word != 0;

		pprof->looks[pprof->look_count++] = (struct look){
		    .stall = stall, .key = of_callback ? stall->poll_tick : stall->tick};
	}
	if (count > 1 && pprof->looks)
		qsort(pprof->looks, count, sizeof(*pprof->looks), compare_looks);
	return pprof->looks ? 0 : -ENOMEM;
}

/* Those of a worker whose key lies there are told. Returns the time that they stand for. */
static uint64_t looks_take(struct pprof *pprof, size_t worker, uint64_t from, uint64_t to,
			   uint64_t signature)
{
	size_t low = 0, high = pprof->look_count;
	uint64_t ticks = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pprof->looks[middle].key < from)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < pprof->look_count && pprof->looks[low].key <= to; low++) {
		struct look *look = &pprof->looks[low];

		if (look->stall->worker != worker || look->told)
			continue;
		look->told = true;
		look_write(pprof, look->stall, signature);
		ticks += look->stall->ticks;
	}
	return ticks;
}

/* Those of runs that have no end, or that nobody knows. */
static void looks_rest(struct pprof *pprof)
{
	for (size_t i = 0; i < pprof->look_count; i++)
		if (!pprof->looks[i].told)
			look_write(pprof, pprof->looks[i].stall, 0);
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static bool is_wanted(const struct pprof *pprof, size_t worker, uint64_t tick, uint64_t end_tick)
{
	const struct timeline *timeline = pprof->report->timeline;
	uint32_t number = timeline->options.worker;

	return end_tick >= timeline->from_tick && tick <= timeline->to_tick &&
	       (number == 0 || timeline->process->workers[worker].worker == number);
}

/* Of the transaction that a callback which begins is part of, itself or as its work on the pool; 0:
 * of none. */
static uint64_t signature_at(const struct pprof *pprof, size_t worker, uint64_t tick)
{
	bool pool = pprof->report->timeline->process->workers[worker].role == TRACE_ROLE_POOL;
	size_t count;
	const struct step_record *records = step_reader_at(pprof->polls, tick, &count);
	const struct step_record *own = step_record_find(records, count, worker);

	for (size_t i = 0; !own && pool && i < count; i++)
		if (records[i].type == STEP_RECORD_WORK)
			own = &records[i];
	return own ? own->signature : 0;
}

static void take_begin(void *arg, size_t worker, uint64_t tick, uint64_t word)
{
	struct pprof *pprof = arg;
	struct lane *lane = &pprof->lanes[worker];

	if (!trace_word_is_poll(word) || lane->depth == OPEN_STACK_MAX)
		return;
	lane->runs[lane->depth++] = (struct open_run){
	    .site = trace_word_code(word) - TRACE_CODE_POLL,
	    .signature = signature_at(pprof, worker, tick),
	};
}

static void run_add(struct pprof *pprof, const struct pprof_row *run)
{
	int error = pprof->has_profile ? 0 : pprof_rows_add(&pprof->rows, run);

	pprof->error = pprof->error ? pprof->error : error;
}

static void take_end(void *arg, size_t worker, const struct trace_context *begun, uint64_t tick,
		     uint64_t by)
{
	struct pprof *pprof = arg;
	struct lane *lane = &pprof->lanes[worker];
	uint64_t ticks = tick - begun->tick, elsewhere;
	const struct open_run *run;
	struct pprof_row row = {.worker = (uint32_t)worker, .count = 1};

	if (!trace_word_is_poll(begun->word) || lane->depth == 0)
		return;
	for (; row.depth < lane->depth && row.depth < PPROF_CHAIN_MAX; row.depth++)
		row.sites[row.depth] = lane->runs[lane->depth - 1 - row.depth].site;
	run = &lane->runs[--lane->depth];
	if (lane->depth > 0)
		lane->runs[lane->depth - 1].inner_ticks += ticks;
	/* When it ended is not known. */
	if (by == 0 || !is_wanted(pprof, worker, begun->tick, tick))
		return;
	elsewhere =
	    run->inner_ticks + looks_take(pprof, worker, begun->tick, begun->tick, run->signature);
	row.signature = run->signature;
	row.ticks = ticks > elsewhere ? ticks - elsewhere : 0;
	run_add(pprof, &row);
}

static void take_item(void *arg, const struct timeline_span *span, uint64_t submit_tick)
{
	struct pprof *pprof = arg;
	uint64_t end_tick = span->tick + span->duration, elsewhere;
	struct pprof_row row = {.sites = {span->site},
				.depth = 1,
				.worker = (uint32_t)span->worker,
				.in_pool = true,
				.count = 1,
				.ticks = span->duration};
	const struct step_record *records;
	size_t count;

	(void)submit_tick;
	if (!span->in_pool || !is_wanted(pprof, span->worker, span->tick, end_tick))
		return;
	records = step_reader_at(pprof->items, end_tick, &count);
	for (size_t i = 0; i < count; i++)
		if (records[i].type == STEP_RECORD_ITEM && records[i].parent == span->tick)
			row.signature = records[i].signature;
	elsewhere = looks_take(pprof, span->worker, span->tick, end_tick, row.signature);
	row.ticks -= elsewhere < row.ticks ? elsewhere : row.ticks;
	run_add(pprof, &row);
}

/* ---- The format ------------------------------------------------------------------------------ */

static void pprof_close(struct pprof *pprof)
{
	step_reader_close(pprof->polls);
	step_reader_close(pprof->items);
	step_index_free(pprof->index);
	pprof_rows_free(&pprof->rows);
	pprof_parts_free(&pprof->parts);
	pprof_signatures_free(&pprof->signatures);
	free(pprof->lanes);
	free(pprof->looks);
	*pprof = (struct pprof){0};
}

static bool has_samples(const struct report *report)
{
	return report->profile && report->profile->count > 0;
}

static int pprof_prepare(struct pprof *pprof, const struct report *report, FILE *out)
{
	int error = step_index_finish(pprof->index);

	pprof->report = report;
	pprof->parts.out = out;
	pprof->has_profile = has_samples(report);
	if (error == 0)
		error = pprof_signatures_name(&pprof->signatures, report);
	if (error == 0)
		error = looks_sort(pprof);
	if (error)
		return error;
	pprof->lanes = calloc(report->timeline->process->worker_count + 1, sizeof(*pprof->lanes));
	pprof->polls = step_reader_open(pprof->index, 0);
	pprof->items = step_reader_open(pprof->index, 0);
	return pprof->lanes && pprof->polls && pprof->items ? 0 : -ENOMEM;
}

static int pprof_write(struct pprof *pprof)
{
	static const struct walk_listener listener = {
	    .begin = take_begin, .end = take_end, .item = take_item};
	const struct timeline *timeline = pprof->report->timeline;
	const struct trace_process *process = timeline->process;
	struct pprof_head head = {
	    .count = pprof->has_profile ? "samples" : "runs",
	    .period_ns = pprof->has_profile ? SECOND_NS / process->profile_hz : 0,
	    .start_real_ns = process->start_real_ns,
	    .duration_ns = timeline_ns(timeline, timeline->range_ticks),
	};
	int error;

	pprof_head_write(&pprof->parts, &head);
	error = walk_process(pprof->report, &listener, pprof);
	looks_rest(pprof);
	for (size_t i = 0; i < pprof->rows.capacity; i++)
		if (pprof->rows.slots[i].depth > 0)
			row_write(pprof, &pprof->rows.slots[i]);
	error = error ? error : pprof->error;
	error = error ? error : step_reader_error(pprof->polls);
	error = error ? error : step_reader_error(pprof->items);
	return error ? error : pprof->parts.error;
}

int pprof_open(struct report_output *output, const struct report_source *source)
{
	struct pprof *pprof = output->own ? output->own : calloc(1, sizeof(*pprof));

	output->own = pprof;
	if (!pprof || output->has_profile)
		return pprof ? 0 : -ENOMEM;
	pprof->index = step_index_make(&source->trace->processes[source->process]);
	return pprof->index ? 0 : -ENOMEM;
}

void pprof_over(void *arg, const struct transaction *transaction)
{
	const struct report_output *output = arg;
	struct pprof *pprof = output->own;

	if (pprof->index)
		step_index_add(pprof->index, transaction);
}

static bool ran_callbacks(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->process->worker_count; i++)
		if (timeline->workers[i].polls.count > 0)
			return true;
	return false;
}

int pprof_process(struct report_output *output, const struct report *report)
{
	struct pprof *pprof = output->own;
	int error = 0;

	if (!output->has_profile && (has_samples(report) || ran_callbacks(report->timeline))) {
		output->has_profile = true;
		error = pprof_prepare(pprof, report, output->file);
		error = error ? error : pprof_write(pprof);
	}
	pprof_close(pprof);
	return error;
}

int pprof_end(struct report_output *output)
{
	if (output->has_profile)
		return 0;
	output->problem = "no callbacks and no samples in this trace";
	return -ENODATA;
}
