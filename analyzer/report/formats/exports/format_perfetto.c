/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole trace in Perfetto's format, for ui.perfetto.dev and trace_processor: a track for each
 * worker with a slice for each callback, each wait, and each request's work on the pool; arrows
 * from causes to effects; counters for the pool's queue; marks. A slice of a transaction says which
 * one, and has its id as correlation id.
 *
 * Rules: memory does not grow with the trace. Arrows need to be known where they begin, so a first
 * reading finds the transactions (step_index.h) and a second one writes. Packets of a worker are in
 * the order of time, but for work on the pool, which is known at its end; readers sort.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "perfetto_packets.h"
#include "report/formats/report_formats_internal.h"
#include "transactions/native/step_index.h"
#include "walk.h"

#define VALUES_MAX 4

struct perfetto {
	struct perfetto_packets packets;
	struct step_index *index;
	/* The second reading: */
	struct step_reader *polls, *items;
	uint64_t *flows; /* of the event that is being written */
	size_t flow_capacity;
	int64_t queued, running; /* as they were told last */
};

/* ---- Events ---------------------------------------------------------------------------------- */

/* An event with its values. */
struct event {
	Perfetto__TrackEvent track_event;
	uint64_t category;
	size_t count;
	Perfetto__DebugAnnotation values[VALUES_MAX], *pointers[VALUES_MAX];
	char transaction[TRANSACTION_ID_CHARS];
	uint64_t terminating;
};

static void event_begin(struct event *event, uint64_t track, enum perfetto_type type,
			enum perfetto_category category)
{
	perfetto__track_event__init(&event->track_event);
	event->count = 0;
	event->category = category;
	event->track_event.has_track_uuid = event->track_event.has_type = true;
	event->track_event.track_uuid = track;
	event->track_event.type = type;
	event->track_event.n_category_iids = 1;
	event->track_event.category_iids = &event->category;
	event->track_event.debug_annotations = event->pointers;
}

static Perfetto__DebugAnnotation *value_add(struct event *event, enum perfetto_value name)
{
	Perfetto__DebugAnnotation *value = &event->values[event->count];

	perfetto__debug_annotation__init(value);
	value->has_name_iid = true;
	value->name_iid = name;
	event->pointers[event->count++] = value;
	event->track_event.n_debug_annotations = event->count;
	return value;
}

static void text_add(struct event *event, enum perfetto_value name, const char *text)
{
	value_add(event, name)->string_value = (char *)text;
}

static void number_add(struct event *event, enum perfetto_value name, uint64_t number)
{
	Perfetto__DebugAnnotation *value = value_add(event, name);

	value->has_uint_value = true;
	value->uint_value = number;
}

static void pointer_add(struct event *event, enum perfetto_value name, uint64_t address)
{
	Perfetto__DebugAnnotation *value = value_add(event, name);

	value->has_pointer_value = true;
	value->pointer_value = address;
}

static void transaction_add(struct event *event, const struct step_record *record)
{
	transaction_id_print(record->transaction, event->transaction);
	text_add(event, PERFETTO_TRANSACTION, event->transaction);
	event->track_event.has_correlation_id = true;
	event->track_event.correlation_id = record->transaction;
	if (record->cut != CUT_NONE)
		text_add(event, PERFETTO_CUT, transaction_cut_words[record->cut]);
}

/* ---- Arrows ---------------------------------------------------------------------------------- */

/* An arrow has the number of the poll that it ends at. */
static bool flow_add(struct perfetto *perfetto, struct event *event, uint64_t poll)
{
	size_t count = event->track_event.n_flow_ids;

	if (count == perfetto->flow_capacity) {
		size_t capacity = count * 2 + 16;
		uint64_t *grown = realloc(perfetto->flows, capacity * sizeof(*grown));

		if (!grown) {
			perfetto->packets.error = -ENOMEM;
			return false;
		}
		perfetto->flows = grown;
		perfetto->flow_capacity = capacity;
	}
	perfetto->flows[count] = perfetto_id(&perfetto->packets, poll);
	event->track_event.flow_ids = perfetto->flows;
	event->track_event.n_flow_ids = count + 1;
	return true;
}

/* What the poll that begins here is part of, and what it causes. */
static void steps_add(struct perfetto *perfetto, struct event *event, size_t worker, uint64_t tick)
{
	bool pool = perfetto->packets.process->workers[worker].role == TRACE_ROLE_POOL;
	size_t count;
	const struct step_record *records = step_reader_at(perfetto->polls, tick, &count);
	const struct step_record *own = step_record_find(records, count, worker);

	for (size_t i = 0; i < count; i++) {
		bool caused = records[i].type == STEP_RECORD_FLOW && records[i].worker == worker;

		if (caused || (pool && records[i].type == STEP_RECORD_WORK))
			flow_add(perfetto, event, records[i].id);
	}
	if (!own)
		return;
	transaction_add(event, own);
	text_add(event, PERFETTO_CAUSE, transaction_cause_keys[own->cause]);
	if (own->parent) {
		event->terminating = perfetto_id(&perfetto->packets, own->id);
		event->track_event.n_terminating_flow_ids = 1;
		event->track_event.terminating_flow_ids = &event->terminating;
	}
}

/* ---- Callbacks and waits --------------------------------------------------------------------- */

static void poll_begin(struct perfetto *perfetto, size_t worker, uint64_t tick, uint64_t word)
{
	struct event event;

	event_begin(&event, perfetto_worker_track(&perfetto->packets, worker), PERFETTO_SLICE_BEGIN,
		    PERFETTO_CALLBACK);
	perfetto_name_site(&perfetto->packets, &event.track_event,
			   trace_word_code(word) - TRACE_CODE_POLL, false);
	pointer_add(&event, PERFETTO_OBJECT, trace_word_object(word));
	steps_add(perfetto, &event, worker, tick);
	perfetto_event(&perfetto->packets, tick, &event.track_event);
}

static void wait_begin(struct perfetto *perfetto, size_t worker, uint64_t tick)
{
	struct event event;

	event_begin(&event, perfetto_worker_track(&perfetto->packets, worker), PERFETTO_SLICE_BEGIN,
		    PERFETTO_WAIT);
	event.track_event.has_name_iid = true;
	event.track_event.name_iid = PERFETTO_NAME_WAIT;
	perfetto_event(&perfetto->packets, tick, &event.track_event);
}

/* `why`: its end is known otherwise than by its own event; NULL: it is not. */
static void slice_end(struct perfetto *perfetto, size_t worker, uint64_t tick, const char *why)
{
	struct event event;

	event_begin(&event, perfetto_worker_track(&perfetto->packets, worker), PERFETTO_SLICE_END,
		    PERFETTO_CALLBACK);
	event.track_event.n_category_iids = 0;
	if (why)
		text_add(&event, PERFETTO_END, why);
	perfetto_event(&perfetto->packets, tick, &event.track_event);
}

static void wait_end(struct perfetto *perfetto, size_t worker, uint64_t tick, uint64_t word)
{
	struct event event;

	event_begin(&event, perfetto_worker_track(&perfetto->packets, worker), PERFETTO_SLICE_END,
		    PERFETTO_WAIT);
	event.track_event.n_category_iids = 0;
	number_add(&event, PERFETTO_READY, trace_word_object(word));
	perfetto_event(&perfetto->packets, tick, &event.track_event);
}

static void take_begin(void *arg, size_t worker, uint64_t tick, uint64_t word)
{
	if (trace_word_is_poll(word))
		poll_begin(arg, worker, tick, word);
	else
		wait_begin(arg, worker, tick);
}

static void take_end(void *arg, size_t worker, const struct trace_context *begun, uint64_t tick,
		     uint64_t by)
{
	(void)begun;
	if (by == 0)
		slice_end(arg, worker, tick, "not recorded");
	else if (trace_word_code(by) == TRACE_UNPARK)
		wait_end(arg, worker, tick, by);
	else
		slice_end(arg, worker, tick,
			  trace_word_code(by) == TRACE_POLL_UNWOUND ? "unwound" : NULL);
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* Work that is a callback of the program has its slice already. */
static void take_item(void *arg, const struct timeline_span *span, uint64_t submit_tick)
{
	struct perfetto *perfetto = arg;
	uint64_t end_tick = span->tick + span->duration;
	struct event event;
	size_t count;
	const struct step_record *records = step_reader_at(perfetto->items, end_tick, &count);

	(void)submit_tick;
	if (!span->in_pool)
		return;
	event_begin(&event, perfetto_worker_track(&perfetto->packets, span->worker),
		    PERFETTO_SLICE_BEGIN, PERFETTO_POOL);
	perfetto_name_site(&perfetto->packets, &event.track_event, span->site, true);
	for (size_t i = 0; i < count; i++) {
		if (records[i].type != STEP_RECORD_ITEM || records[i].parent != span->tick)
			continue;
		flow_add(perfetto, &event, records[i].id);
		transaction_add(&event, &records[i]);
		break;
	}
	perfetto_event(&perfetto->packets, span->tick, &event.track_event);
	slice_end(perfetto, span->worker, end_tick, NULL);
}

static void count_take(struct perfetto *perfetto, enum perfetto_track track, int64_t *last,
		       uint64_t tick, uint64_t now)
{
	Perfetto__TrackEvent event = PERFETTO__TRACK_EVENT__INIT;

	if (*last == (int64_t)now)
		return;
	*last = (int64_t)now;
	event.has_type = event.has_track_uuid = event.has_counter_value = true;
	event.type = PERFETTO_COUNTER;
	event.track_uuid = perfetto_track(&perfetto->packets, track);
	event.counter_value = *last;
	perfetto_event(&perfetto->packets, tick, &event);
}

static void take_level(void *arg, uint64_t tick, uint64_t queued, uint64_t running)
{
	struct perfetto *perfetto = arg;

	count_take(perfetto, PERFETTO_TRACK_QUEUED, &perfetto->queued, tick, queued);
	count_take(perfetto, PERFETTO_TRACK_RUNNING, &perfetto->running, tick, running);
}

/* ---- Marks ----------------------------------------------------------------------------------- */

static void take_mark(void *arg, size_t worker, const struct mark *mark)
{
	struct perfetto *perfetto = arg;
	struct event event;

	if (mark->code != TRACE_MARK)
		return;
	event_begin(&event, perfetto_worker_track(&perfetto->packets, worker), PERFETTO_INSTANT,
		    PERFETTO_MARK);
	perfetto_name_mark(&perfetto->packets, &event.track_event, mark->name);
	number_add(&event, PERFETTO_VALUE, mark->value);
	perfetto_event(&perfetto->packets, mark->tick, &event.track_event);
}

/* ---- The format ------------------------------------------------------------------------------ */

static bool boots_differ(const struct trace *trace)
{
	for (size_t i = 1; i < trace->process_count; i++)
		if (memcmp(trace->processes[i].boot_id, trace->processes[0].boot_id,
			   sizeof(trace->processes[0].boot_id)) != 0)
			return true;
	return false;
}

int perfetto_open(struct report_output *output, const struct report_source *source)
{
	struct perfetto *perfetto = output->own ? output->own : calloc(1, sizeof(*perfetto));

	if (!perfetto)
		return -ENOMEM;
	output->own = perfetto;
	*perfetto = (struct perfetto){.queued = -1, .running = -1};
	perfetto->index = step_index_make(&source->trace->processes[source->process]);
	if (!perfetto->index)
		return -ENOMEM;
	return perfetto_begin(&perfetto->packets, output->file, source,
			      boots_differ(source->trace));
}

void perfetto_over(void *arg, const struct transaction *transaction)
{
	const struct report_output *output = arg;
	struct perfetto *perfetto = output->own;

	step_index_add(perfetto->index, transaction);
}

static int second_reading(struct perfetto *perfetto, const struct report *report)
{
	static const struct walk_listener listener = {.begin = take_begin,
						      .end = take_end,
						      .item = take_item,
						      .level = take_level,
						      .mark = take_mark};
	int error = walk_process(report, &listener, perfetto);

	error = error ? error : step_reader_error(perfetto->polls);
	error = error ? error : step_reader_error(perfetto->items);
	return error ? error : perfetto->packets.error;
}

static void perfetto_close(struct perfetto *perfetto)
{
	step_reader_close(perfetto->polls);
	step_reader_close(perfetto->items);
	step_index_free(perfetto->index);
	perfetto_free(&perfetto->packets);
	free(perfetto->flows);
	*perfetto = (struct perfetto){0};
}

int perfetto_process(struct report_output *output, const struct report *report)
{
	struct perfetto *perfetto = output->own;
	int error = step_index_finish(perfetto->index);

	if (error == 0) {
		perfetto->polls = step_reader_open(perfetto->index, 0);
		perfetto->items = step_reader_open(perfetto->index, 0);
		error = perfetto->polls && perfetto->items ? 0 : -ENOMEM;
	} else {
		output->problem = "a temporary file (TMPDIR)";
	}
	if (error == 0)
		error = second_reading(perfetto, report);
	perfetto_close(perfetto);
	return error;
}
