/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine of transactions: made of the process' tables, fed by the timeline's watch, finished
 * into `struct transactions`. engine_events.c has what each event does.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_events.h"
#include "transactions_internal.h"
#include "turns.h"

const char *const transaction_part_keys[TRANSACTION_PARTS] = {
#define PART(name, key, label) key,
#include "transaction_parts.def"
#undef PART
};
const char *const transaction_part_labels[TRANSACTION_PARTS] = {
#define PART(name, key, label) label,
#include "transaction_parts.def"
#undef PART
};
const char *const transaction_cut_keys[TRANSACTION_CUTS] = {
#define CUT(name, key, words) key,
#include "transaction_cuts.def"
#undef CUT
};
const char *const transaction_cut_words[TRANSACTION_CUTS] = {
#define CUT(name, key, words) words,
#include "transaction_cuts.def"
#undef CUT
};
const char *const transaction_cause_keys[TRANSACTION_CAUSES] = {
#define CAUSE(name, key) key,
#include "transaction_causes.def"
#undef CAUSE
};

/* ---- Ids ------------------------------------------------------------------------------------- */

void transaction_id_print(uint64_t id, char text[TRANSACTION_ID_CHARS])
{
	snprintf(text, TRANSACTION_ID_CHARS, "%" PRIu64 ".%" PRIu64,
		 id >> TRANSACTION_ID_WORKER_BITS, id & ((1u << TRANSACTION_ID_WORKER_BITS) - 1));
}

static const char *number_read(const char *text, uint64_t max, uint64_t *number)
{
	if (*text < '0' || *text > '9')
		return NULL;
	for (*number = 0; *text >= '0' && *text <= '9'; text++) {
		if (*number > (max - (uint64_t)(*text - '0')) / 10)
			return NULL;
		*number = *number * 10 + (uint64_t)(*text - '0');
	}
	return text;
}

bool transaction_id_read(const char *text, uint64_t *id)
{
	uint64_t ns, worker;

	text = number_read(text, UINT64_MAX >> TRANSACTION_ID_WORKER_BITS, &ns);
	if (!text || *text != '.')
		return false;
	text = number_read(text + 1, (1u << TRANSACTION_ID_WORKER_BITS) - 1, &worker);
	if (!text || *text != '\0')
		return false;
	*id = ns << TRANSACTION_ID_WORKER_BITS | worker;
	return true;
}

/* ---- What sites are -------------------------------------------------------------------------- */

static uint8_t role_of(const struct trace_process *process, uint32_t site)
{
	static const struct {
		const char *kind;
		uint8_t role;
	} names[] = {
	    {"async", ROLE_ASYNC},
	    {"close", ROLE_CLOSE},
	    {"process_exit", ROLE_EXIT},
	    {"alloc", ROLE_ALLOC},
	};
	const char *kind = timeline_kind(process, site);

	if (!kind)
		return ROLE_WAITLESS;
	switch (process->kinds[process->sites[site].kind].class) {
	case KIND_CLASS_REQUEST:
		return process->sites[site].callback ? ROLE_REQUEST : ROLE_WAITLESS;
	case KIND_CLASS_POOL:
		return process->sites[site].callback ? ROLE_POOL : ROLE_WAITLESS;
	case KIND_CLASS_WORKFN:
		return ROLE_WORK;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].kind, kind) != 0)
			continue;
		return names[i].role == ROLE_ASYNC && timeline_site_waits_for_nothing(process, site)
			   ? ROLE_HOUSEKEEPING
			   : names[i].role;
	}
	return timeline_site_waits_for_nothing(process, site) ? ROLE_WAITLESS : ROLE_ROOT;
}

static void offset_add(engine *e, uint16_t offset)
{
	for (size_t i = 0; i < e->offset_count; i++) {
		if (e->offsets[i] == offset)
			return;
	}
	if (e->offset_count < sizeof(e->offsets) / sizeof(*e->offsets))
		e->offsets[e->offset_count++] = offset;
}

static void sites_learn(engine *e)
{
	for (uint32_t i = 0; i < e->site_count; i++) {
		e->roles[i] = role_of(e->process, i);
		e->makes[i] = trace_site_makes(e->process, i);
		if (e->roles[i] == ROLE_POOL)
			offset_add(e, e->process->kinds[e->process->sites[i].kind].work_req_offset);
	}
	e->roles[e->site_count] = ROLE_WAITLESS;
}

/* ---- The timeline's watch -------------------------------------------------------------------- */

/* An item's work ended: whose it was. */
static void watch_item(void *arg, const struct timeline_span *span, uint64_t submit_tick)
{
	struct transactions *transactions = arg;
	engine *e = transactions->hidden;

	engine_item(e, span, submit_tick);
	if (e->next && e->next->item)
		e->next->item(e->next->arg, span, submit_tick);
}

static void watch_events(void *arg, size_t worker, const struct timeline_event *list, size_t count)
{
	struct transactions *transactions = arg;
	engine *e = transactions->hidden;

	engine_events(e, worker, list, count);
	if (e->next && e->next->events)
		e->next->events(e->next->arg, worker, list, count);
}

static void watch_level(void *arg, uint64_t tick, uint64_t queued, uint64_t running)
{
	struct transactions *transactions = arg;
	const struct timeline_watch *next = transactions->hidden->next;

	next->level(next->arg, tick, queued, running);
}

static void watch_mark(void *arg, size_t worker, const struct mark *mark)
{
	struct transactions *transactions = arg;
	const struct timeline_watch *next = transactions->hidden->next;

	next->mark(next->arg, worker, mark);
}

static void watch_span(void *arg, const struct timeline_user_spans *span)
{
	struct transactions *transactions = arg;
	const struct timeline_watch *next = transactions->hidden->next;

	next->span(next->arg, span);
}

static void *watch_turns_make(void *arg)
{
	struct transactions *transactions = arg;

	return turns_make(transactions->hidden);
}

static void watch_turns_merge(void *arg, void *turns)
{
	struct transactions *transactions = arg;

	turns_merge(transactions->hidden, turns);
}

const struct timeline_watch *transactions_watch(struct transactions *transactions)
{
	engine *e = transactions->hidden;

	e->watch = (struct timeline_watch){
	    .item = watch_item,
	    .events = watch_events,
	    .level = e->next && e->next->level ? watch_level : NULL,
	    .mark = e->next && e->next->mark ? watch_mark : NULL,
	    .span = e->next && e->next->span ? watch_span : NULL,
	    .turns_make = turns_wanted(e) ? watch_turns_make : NULL,
	    .turns_take = turns_take,
	    .turns_merge = watch_turns_merge,
	    .arg = transactions,
	};
	return &e->watch;
}

/* ---- Making and finishing -------------------------------------------------------------------- */

static int engine_open(engine *e)
{
	e->roles = calloc(e->site_count + 1, sizeof(*e->roles));
	e->makes = calloc(e->site_count + 1, sizeof(*e->makes));
	e->workers = calloc(e->process->worker_count + 1, sizeof(*e->workers));
	e->kept.max = e->options.keep;
	e->kept.list = calloc(e->kept.max + 1, sizeof(*e->kept.list));
	if (!e->roles || !e->makes || !e->workers || !e->kept.list || statistics_open(e) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < e->process->worker_count; i++)
		e->workers[i].pool = e->process->workers[i].role == TRACE_ROLE_POOL;
	sites_learn(e);
	engine_off_find(e);
	return 0;
}

/* The first tick at or after which the trace is that many ns after the process' start. */
static uint64_t tick_at(const struct trace_process *process, uint64_t ns)
{
	uint64_t low = 0, high = process->last_tick + 1;
	uint64_t wanted = process->start_mono_ns + ns;

	if (wanted < ns)
		return UINT64_MAX;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (trace_ns(process, middle) < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct transactions *transactions_make(const struct trace_process *process,
				       const struct timeline_options *options,
				       const struct transactions_options *wanted)
{
	struct transactions *transactions = calloc(1, sizeof(*transactions));
	engine *e = calloc(1, sizeof(*e));

	if (!transactions || !e) {
		free(transactions);
		free(e);
		return NULL;
	}
	transactions->hidden = e;
	e->process = process;
	e->options = *wanted;
	e->next = options->watch;
	e->from_tick = options->from_ns ? tick_at(process, options->from_ns) : 0;
	e->to_tick = options->to_ns != UINT64_MAX ? tick_at(process, options->to_ns) : UINT64_MAX;
	e->worker_asked = options->worker;
	e->site_count = (uint32_t)process->site_count;
	e->live_free = e->live_first = NONE;
	e->epoch = 1;
	if (engine_open(e) < 0) {
		transactions_free(transactions);
		return NULL;
	}
	return transactions;
}

int transactions_finish(struct transactions *transactions, const struct timeline *timeline)
{
	engine *e = transactions->hidden;

	(void)timeline;
	polls_end_all(e);
	live_end_all(e);
	if (e->error < 0 || statistics_finish(e, transactions) < 0)
		return -ENOMEM;
	transactions->slowest = e->kept.list;
	transactions->slowest_count = e->kept.count;
	transactions->asked = e->asked.steps ? &e->asked : NULL;
	transactions->count = e->count;
	transactions->unsigned_count = e->unsigned_count;
	memcpy(transactions->cut, e->cut, sizeof(e->cut));
	for (size_t i = 0; i < TRANSACTION_CUTS; i++)
		transactions->cut_count += e->cut[i];
	return 0;
}

void transactions_free(struct transactions *transactions)
{
	if (!transactions)
		return;
	engine *e = transactions->hidden;

	statistics_close(e);
	live_close(e);
	causes_free(&e->causes);
	for (size_t i = 0; e->workers && i < e->process->worker_count; i++)
		free(e->workers[i].history);
	for (size_t i = 0; i < e->kept.count; i++)
		free((void *)e->kept.list[i].steps);
	free((void *)e->asked.steps);
	free(e->kept.list);
	free(e->workers);
	free(e->roles);
	free(e->makes);
	free(e->scratch);
	free(e->on_path);
	free(e->order);
	free(e);
	free(transactions->signatures);
	free(transactions);
}

struct transactions *transactions_read(struct trace *trace, size_t process,
				       const struct timeline_options *options,
				       const struct transactions_options *wanted,
				       trace_progress progress, void *arg,
				       struct timeline **timeline)
{
	struct timeline_options watched = *options;
	struct transactions *transactions =
	    transactions_make(&trace->processes[process], options, wanted);

	*timeline = NULL;
	if (!transactions)
		return NULL;
	watched.watch = transactions_watch(transactions);
	*timeline = timeline_read(trace, process, &watched, progress, arg);
	if (*timeline && transactions_finish(transactions, *timeline) == 0)
		return transactions;
	transactions_free(transactions);
	timeline_free(*timeline);
	*timeline = NULL;
	return NULL;
}
