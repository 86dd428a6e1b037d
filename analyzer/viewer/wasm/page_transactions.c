/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions for the page: one with all its steps, by its id or by a poll that is a step of it;
 * and all of them in short.
 *
 * Rules: to find it, a small process is read once more, and of a large one what lies around those
 * that may be it. What is found there is taken where it is as it was in the whole reading; else the
 * whole is read. What is not there is null.
 */
#include <errno.h>
#include <stdlib.h>

#include "report/json/report_json.h"
#include "describe.h"

#define WHOLE_EVENTS	1000000u /* a process that has fewer is read whole */
#define WINDOW_ASIDE_NS 5000000

struct sought {
	uint64_t id; /* 0: the one of the poll */
	size_t worker;
	uint64_t tick, object; /* of work on the pool: of its request */
	bool is_work;
	bool in_window; /* not the whole process is read */
	json_t *found;
};

/* ---- In JSON --------------------------------------------------------------------------------- */

static json_t *id_json(uint64_t id)
{
	char text[TRANSACTION_ID_CHARS];

	if (id == 0)
		return json_null();
	transaction_id_print(id, text);
	return json_string(text);
}

static json_t *parts_json(const uint64_t parts[TRANSACTION_PARTS])
{
	json_t *json = json_object();

	for (size_t i = 0; i < TRANSACTION_PARTS; i++)
		json_put(json, transaction_part_keys[i], json_ticks(viewer.timeline, parts[i]));
	return json;
}

static json_t *named_json(const struct transaction_behind *named)
{
	json_t *list = json_array();

	for (size_t i = 0; i < TRANSACTION_STEP_NAMES && named[i].ticks > 0; i++) {
		json_t *json = json_object();
		json_put(json, "site", json_integer(named[i].site));
		json_put(json, "ns", json_ticks(viewer.timeline, named[i].ticks));
		json_array_append_new(list, json);
	}
	return list;
}

/* Items lie in the order of ends. */
size_t pool_worker_of(uint64_t run_tick, uint64_t end_tick)
{
	for (size_t worker = 0; worker < viewer.process->worker_count; worker++) {
		const struct lane *lane = &viewer.lanes[worker];
		size_t low = 0, high = lane->item_count;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			const struct box *box = &lane->items[middle].box;
			if (box->tick + box->duration < end_tick)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < lane->item_count && lane->items[low].box.tick == run_tick &&
		    run_tick + lane->items[low].box.duration == end_tick)
			return worker;
	}
	return viewer.process->worker_count;
}

static void work_put(json_t *json, const struct transaction_step *step)
{
	json_t *work = json_object();
	size_t worker = pool_worker_of(step->run_tick, step->run_end_tick);
	bool known = worker < viewer.process->worker_count;

	json_put(work, "worker", known ? json_integer((json_int_t)worker) : json_null());
	json_put(work, "tick", json_real(time_tick(step->run_tick)));
	json_put(work, "start_ns", json_real(time_ns(step->run_tick)));
	json_put(work, "end_ns", json_real(time_ns(step->run_end_tick)));
	json_put(json, "work", work);
}

static json_t *step_json(const struct transaction_step *step)
{
	json_t *json = json_object();

	json_put(json, "parent",
		 step->parent == TRANSACTION_NO_STEP ? json_null() : json_integer(step->parent));
	json_put(json, "cause", json_string(transaction_cause_keys[step->cause]));
	json_put(json, "site", json_integer(step->site));
	json_put(json, "worker", json_integer(step->worker));
	json_put(json, "tick", json_real(time_tick(step->tick)));
	json_put(json, "start_ns", json_real(time_ns(step->tick)));
	json_put(json, "duration_ns", json_ticks(viewer.timeline, step->end_tick - step->tick));
	json_put(json, "caused_ns", json_real(time_ns(step->caused_tick)));
	json_put(json, "ready_ns", json_real(time_ns(step->ready_tick)));
	if (step->run_end_tick > 0)
		work_put(json, step);
	json_put(json, "in_path", json_boolean(step->in_path));
	json_put(json, "parts", parts_json(step->parts));
	json_put(json, "behind", named_json(step->behind));
	json_put(json, "busy", named_json(step->busy));
	json_put(json, "coalesced", json_integer(step->coalesced));
	json_put(json, "linked", id_json(step->linked_id));
	return json;
}

static json_t *transaction_whole_json(const struct transaction *transaction)
{
	const struct brief *brief = briefs_find(&viewer.briefs, transaction->id);
	json_t *json = json_object(), *steps = json_array();

	for (size_t i = 0; i < transaction->step_count; i++)
		json_array_append_new(steps, step_json(&transaction->steps[i]));
	json_put(json, "id", id_json(transaction->id));
	json_put(json, "start_ns", json_real(time_ns(transaction->begin_tick)));
	json_put(json, "duration_ns",
		 json_ticks(viewer.timeline, transaction->end_tick - transaction->begin_tick));
	json_put(json, "before_ns_at_most", json_ticks(viewer.timeline, transaction->before_ticks));
	json_put(json, "before_site", json_integer(transaction->before_site));
	json_put(json, "cut",
		 transaction->cut ? json_string(transaction_cut_words[transaction->cut])
				  : json_null());
	json_put(json, "started_by", id_json(transaction->started_by));
	json_put(json, "signature", json_integer(brief ? brief->number : -1));
	json_put(json, "parts", parts_json(transaction->parts));
	json_put(json, "steps", steps);
	return json;
}

/* ---- Finding it ------------------------------------------------------------------------------ */

static bool has_poll(const struct transaction *transaction, const struct sought *sought)
{
	for (size_t i = 0; i < transaction->step_count; i++) {
		const struct transaction_step *step = &transaction->steps[i];
		if (sought->is_work ? step->run_end_tick > 0 && step->run_tick == sought->tick &&
					  step->object == sought->object
				    : step->worker == sought->worker && step->tick == sought->tick)
			return true;
	}
	return false;
}

/* As when the whole process was read. */
static bool is_the_same(const struct transaction *transaction)
{
	const struct brief *brief = briefs_find(&viewer.briefs, transaction->id);

	return brief && brief->signature == transaction->signature &&
	       brief->begin_tick == transaction->begin_tick &&
	       brief->ticks == transaction->end_tick - transaction->begin_tick;
}

static void over_look(void *arg, const struct transaction *transaction)
{
	struct sought *sought = arg;

	bool is_it = sought->id ? transaction->id == sought->id : has_poll(transaction, sought);

	if (!sought->found && is_it && (!sought->in_window || is_the_same(transaction)))
		sought->found = transaction_whole_json(transaction);
}

static void follow_progress(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	page_progress(PROGRESS_FOLLOW, total ? (double)done / (double)total : 0);
}

int transactions_again(void (*over)(void *arg, const struct transaction *transaction), void *arg)
{
	struct timeline_options options = figure_options();
	struct transactions_options wanted = {.keep = 0, .over = over, .arg = arg};
	struct timeline *timeline;
	struct transactions *transactions =
	    transactions_read(viewer.trace, viewer.process_index, &options, &wanted,
			      follow_progress, NULL, &timeline);
	int error = transactions ? 0 : -ENOMEM;

	transactions_free(transactions);
	timeline_free(timeline);
	return error;
}

static void look_between(struct sought *sought, uint64_t from, uint64_t to)
{
	struct timeline_options options = figure_options();
	struct transactions_options wanted = {.keep = 0, .over = over_look, .arg = sought};
	struct transactions *transactions = transactions_make(viewer.process, &options, &wanted);
	struct timeline *timeline = NULL;

	sought->in_window = true;
	if (transactions) {
		options.watch = transactions_watch(transactions);
		timeline = timeline_make(viewer.process, &options);
	}
	for (size_t i = 0; timeline && i < viewer.process->worker_count; i++) {
		if (parts_feed(timeline, i, from, to) < 0)
			break;
	}
	if (timeline)
		timeline_finish(timeline);
	transactions_free(transactions);
	timeline_free(timeline);
	sought->in_window = false;
}

/* The time of all that may be it, and as much on either side. False: that is not worth it. */
static bool window_of(const struct sought *sought, uint64_t *from, uint64_t *to)
{
	const struct briefs *briefs = &viewer.briefs;
	uint64_t all = viewer.process->last_tick - viewer.process->start_tick;

	*from = UINT64_MAX;
	*to = 0;
	for (size_t i = 0; i < briefs->count; i++) {
		const struct brief *brief = &briefs->list[i];
		uint64_t end = brief->begin_tick + brief->ticks;
		if (sought->id ? brief->id != sought->id
			       : brief->begin_tick > sought->tick || end < sought->tick)
			continue;
		*from = brief->begin_tick < *from ? brief->begin_tick : *from;
		*to = end > *to ? end : *to;
	}
	if (*from > *to || viewer.process->events < WHOLE_EVENTS)
		return false;
	uint64_t aside = *to - *from + ticks_at_least(WINDOW_ASIDE_NS);
	*from -= aside < *from ? aside : *from;
	*to += aside;
	return *to - *from < all / 4;
}

static const char *look_for(struct sought *sought)
{
	uint64_t from, to;

	if (window_of(sought, &from, &to))
		look_between(sought, from, to);
	if (!sought->found)
		transactions_again(over_look, sought);
	return viewer_answer(sought->found ? sought->found : json_null());
}

/* By the two numbers of its id. JSON, or "null". */
EXPORT(page_transaction) const char *page_transaction(double id_ns, double id_worker)
{
	struct sought sought = {.id = (uint64_t)id_ns << TRANSACTION_ID_WORKER_BITS |
				      (uint64_t)id_worker};

	return look_for(&sought);
}

/* The one that a poll, or work on the pool, is part of. */
EXPORT(page_transaction_of) const char *page_transaction_of(uint32_t worker, double tick)
{
	struct place place = find_at(worker, tick_of(tick));
	struct sought sought = {.worker = worker, .tick = place.box.tick};

	if (!place.found)
		return viewer_answer(json_null());
	sought.is_work = viewer.process->workers[worker].role == TRACE_ROLE_POOL;
	sought.object = life_of(&place.box);
	return look_for(&sought);
}

/* ---- All of them in short -------------------------------------------------------------------- */

EXPORT(page_brief_count) uint32_t page_brief_count(void)
{
	return (uint32_t)viewer.briefs.count;
}

/* BRIEFS numbers each, in the order of contract.def; for JavaScript to free. NULL: no memory. */
EXPORT(page_briefs) double *page_briefs(void)
{
	const struct briefs *briefs = &viewer.briefs;
	double *table = calloc(briefs->count * BRIEFS + 1, sizeof(*table));

	for (size_t i = 0; table && i < briefs->count; i++) {
		const struct brief *brief = &briefs->list[i];
		double *row = table + i * BRIEFS;
		row[BRIEF_BEGIN] = time_ns(brief->begin_tick);
		row[BRIEF_DURATION] = (double)timeline_ns(viewer.timeline, brief->ticks);
		row[BRIEF_SIGNATURE] = brief->number;
		row[BRIEF_ID_NS] = (double)(brief->id >> TRANSACTION_ID_WORKER_BITS);
		row[BRIEF_ID_WORKER] =
		    (double)(brief->id & ((1u << TRANSACTION_ID_WORKER_BITS) - 1));
	}
	return table;
}
