/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker's items as events in order of time: polls and waits that are one item become two
 * events, what the pool works on gets its start, polls their duration.
 *
 * Rules: a worker's events never go back in time. What is open is taken from the trace's context
 * where data is missing; polls whose end is missing have no PollEnd. A PoolItemStart is known only
 * from the ITEM_END that follows, so a pool worker's items are read ahead; when there is none
 * within reach (callbacks on the worker that make thousands of events) the start is told without
 * saying of what.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "format/open_stack.h"
#include "jsonl.h"

#define ITEMS_MAX  2048
#define READ_AHEAD 1024 /* items that a pool worker has ahead, if there are so many */
#define NOWHERE	   SIZE_MAX

enum step {
	STEP_BEGIN,
	STEP_GAP,
	STEP_FUSED_END,
	STEP_ITEM,
	STEP_TAIL,
	STEP_LOST,
	STEP_WORKER_END,
	STEP_COUNT
};

struct jsonl_stream {
	struct trace_cursor *cursor;
	struct jsonl_process *process;
	const struct trace_worker *worker;
	const struct trace_clock_range *range; /* in which the last tick lay */

	enum step step; /* what comes next, and when */
	uint64_t tick;

	bool begun, end_told;
	bool fused; /* the second half of this item is to come */
	struct trace_item fused_item;
	struct open_stack open;

	size_t gap_at; /* of the item after missing data */
	bool gap_is_missing;
	uint64_t gap_count, missing_told;
	uint64_t lost_told; /* in events of their own */
	struct trace_context gap_open[OPEN_LIST_MAX];
	size_t gap_open_count;

	struct mark_parts mark;
	bool drained; /* the cursor has no more */
	size_t at, end;
	struct trace_item items[ITEMS_MAX];
};

static uint64_t stream_ns(struct jsonl_stream *stream, uint64_t tick)
{
	if (tick < stream->range->tick || tick >= stream->range->end_tick)
		stream->range = trace_clock_range(stream->process->process, tick);
	return trace_range_ns(stream->range, tick);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void keep_gap(struct jsonl_stream *stream, size_t at)
{
	const struct trace_context *context =
	    trace_cursor_context(stream->cursor, &stream->gap_open_count, &stream->gap_is_missing);

	if (!context)
		return;
	if (stream->gap_open_count > OPEN_LIST_MAX)
		stream->gap_open_count = OPEN_LIST_MAX;
	memcpy(stream->gap_open, context, stream->gap_open_count * sizeof(*context));
	stream->gap_count = trace_cursor_missing(stream->cursor);
	stream->gap_at = at;
}

static void fill(struct jsonl_stream *stream)
{
	size_t wanted = stream->worker->role == TRACE_ROLE_POOL ? READ_AHEAD : 1;

	while (!stream->drained && stream->gap_at == NOWHERE && stream->end - stream->at < wanted) {
		size_t left = stream->end - stream->at, count;

		memmove(stream->items, stream->items + stream->at, left * sizeof(stream->items[0]));
		stream->at = 0;
		stream->end = left;
		count = trace_cursor_read(stream->cursor, UINT64_MAX, stream->items + left,
					  ITEMS_MAX - left);
		stream->end += count;
		stream->drained = count == 0;
		if (count > 0)
			keep_gap(stream, left);
	}
}

static const struct trace_item *next_item(struct jsonl_stream *stream)
{
	fill(stream);
	return stream->at < stream->end ? &stream->items[stream->at] : NULL;
}

/* ---- What comes next ------------------------------------------------------------------------- */

static bool set_step(struct jsonl_stream *stream, enum step step, uint64_t tick)
{
	stream->step = step;
	if (tick > stream->tick)
		stream->tick = tick;
	return true;
}

static uint64_t begin_tick(const struct trace_worker *worker)
{
	if (worker->events > 0 &&
	    (worker->start_tick == 0 || worker->first_tick < worker->start_tick))
		return worker->first_tick;
	return worker->start_tick;
}

static bool find_step(struct jsonl_stream *stream)
{
	const struct trace_item *item = next_item(stream);
	const struct trace_worker *worker = stream->worker;

	if (!stream->begun)
		return set_step(stream, STEP_BEGIN, begin_tick(worker));
	if (stream->fused && !(item && item->inside))
		return set_step(stream, STEP_FUSED_END,
				stream->fused_item.tick + stream->fused_item.duration);
	if (item && stream->gap_at == stream->at)
		return set_step(stream, STEP_GAP, item->tick);
	if (item)
		return set_step(stream, STEP_ITEM, item->tick);
	if (worker->missing > stream->missing_told)
		return set_step(stream, STEP_TAIL, stream->tick);
	if (worker->lost > stream->lost_told)
		return set_step(stream, STEP_LOST, stream->tick);
	if (worker->end_tick > 0 && !stream->end_told)
		return set_step(stream, STEP_WORKER_END, worker->end_tick);
	return false;
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* Whether an item begins here: *end is its ITEM_END, or 0 where that is too far away. */
static bool item_begins(struct jsonl_stream *stream, uint64_t *end)
{
	size_t reach;

	fill(stream);
	reach =
	    stream->gap_at < stream->end && stream->gap_is_missing ? stream->gap_at : stream->end;
	*end = 0;
	for (size_t i = stream->at; i < reach; i++) {
		const struct trace_item *item = &stream->items[i];
		uint32_t code = trace_word_code(item->word);

		if (item->shape == TRACE_SHAPE_WAIT || code == TRACE_PARK)
			return false;
		*end = item->word;
		if (code == TRACE_ITEM_END)
			return true;
	}
	*end = 0;
	return reach == stream->end && reach - stream->at >= READ_AHEAD;
}

static void tell_item_start(struct jsonl_stream *stream, uint64_t ns)
{
	uint64_t end;

	if (stream->worker->role == TRACE_ROLE_POOL && item_begins(stream, &end))
		jsonl_item_start(stream->process, ns, stream->worker->worker, end);
}

/* ---- What is open ---------------------------------------------------------------------------- */

static void end_poll(struct jsonl_stream *stream, uint64_t ns, uint64_t end_word)
{
	uint64_t duration_ns = UINT64_MAX, word = 0;
	struct trace_context begun;

	if (open_ended_by(&stream->open, TRACE_EFFECT_CLOSES_POLL, &begun)) {
		word = begun.word;
		duration_ns = ns - stream_ns(stream, begun.tick);
	}
	jsonl_poll_end(stream->process, ns, stream->worker->worker, word, duration_ns,
		       trace_word_code(end_word) == TRACE_POLL_UNWOUND);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_begin(struct jsonl_stream *stream, uint64_t ns)
{
	const struct trace_worker *worker = stream->worker;

	stream->begun = true;
	jsonl_begin(stream->process, "WorkerStart", ns, worker->worker);
	json_out_key_string(stream->process->out, "role", trace_role_name(worker->role));
	json_out_key_number(stream->process->out, "tid", worker->tid);
	json_out_key_string(stream->process->out, "name", worker->name);
	jsonl_end(stream->process);
	tell_item_start(stream, ns);
}

static void write_gap(struct jsonl_stream *stream, uint64_t ns)
{
	stream->gap_at = NOWHERE;
	marks_forget(&stream->mark);
	open_take(&stream->open, stream->gap_open, stream->gap_open_count);
	if (!stream->gap_is_missing)
		return;
	stream->missing_told += stream->gap_count;
	jsonl_missing(stream->process, ns, stream->worker->worker, stream->gap_count);
}

/* What goes with an event beyond its line. */
static void after_instant(struct jsonl_stream *stream, uint64_t ns, uint64_t word)
{
	uint32_t code = trace_word_code(word);

	if (trace_set_has(trace_lost_set, code)) {
		jsonl_pending_forget(stream->process, stream->worker->worker, ns);
		stream->lost_told += trace_word_object(word);
	} else if (code == TRACE_UNPARK || code == TRACE_ITEM_END) {
		tell_item_start(stream, ns);
	}
	stream->end_told |= code == TRACE_WORKER_END;
}

static void poll_start(struct jsonl_stream *stream, uint64_t ns, const struct trace_item *item)
{
	size_t position = (size_t)(stream->worker - stream->process->process->workers);

	jsonl_poll_start(stream->process, ns, stream->worker->worker, item->word,
			 stream->process->steps ? jsonl_step(stream->process, position, item->tick)
						: NULL);
}

static void write_instant(struct jsonl_stream *stream, uint64_t ns, const struct trace_item *item)
{
	uint32_t worker = stream->worker->worker;

	if (mark_is_part(item->word)) {
		if (mark_take(&stream->mark, item->tick, item->word))
			jsonl_mark(stream->process, ns, worker, &stream->mark.mark);
		return;
	}
	switch (trace_code_effect(trace_word_code(item->word))) {
	case TRACE_EFFECT_OPENS_POLL:
		poll_start(stream, ns, item);
		break;
	case TRACE_EFFECT_CLOSES_POLL:
		end_poll(stream, ns, item->word);
		break;
	default:
		jsonl_instant(stream->process, ns, worker, item->word);
		after_instant(stream, ns, item->word);
		break;
	}
	open_apply(&stream->open, item->word, item->tick);
}

static void write_item(struct jsonl_stream *stream, uint64_t ns)
{
	struct trace_item item = stream->items[stream->at++];

	if (item.shape == TRACE_SHAPE_INSTANT) {
		write_instant(stream, ns, &item);
		return;
	}
	stream->fused = true;
	stream->fused_item = item;
	if (item.shape == TRACE_SHAPE_POLL) {
		poll_start(stream, ns, &item);
	} else {
		open_apply(&stream->open, TRACE_PARK, item.tick);
		jsonl_instant(stream->process, ns, stream->worker->worker, TRACE_PARK);
	}
}

static void write_fused_end(struct jsonl_stream *stream, uint64_t ns)
{
	const struct trace_item *item = &stream->fused_item;

	stream->fused = false;
	if (item->shape == TRACE_SHAPE_POLL) {
		jsonl_poll_end(stream->process, ns, stream->worker->worker, item->word,
			       ns - stream_ns(stream, item->tick), false);
		return;
	}
	open_apply(&stream->open, item->word, item->tick + item->duration);
	jsonl_instant(stream->process, ns, stream->worker->worker, item->word);
	tell_item_start(stream, ns);
}

static void write_tail(struct jsonl_stream *stream, uint64_t ns)
{
	jsonl_missing(stream->process, ns, stream->worker->worker,
		      stream->worker->missing - stream->missing_told);
	stream->missing_told = stream->worker->missing;
}

/* A ring that was full to the end had no room to say so. */
static void write_lost(struct jsonl_stream *stream, uint64_t ns)
{
	jsonl_lost(stream->process, ns, stream->worker->worker,
		   stream->worker->lost - stream->lost_told);
	stream->lost_told = stream->worker->lost;
}

static void write_worker_end(struct jsonl_stream *stream, uint64_t ns)
{
	stream->end_told = true;
	jsonl_instant(stream->process, ns, stream->worker->worker, trace_word(0, TRACE_WORKER_END));
}

static void (*const writers[STEP_COUNT])(struct jsonl_stream *stream, uint64_t ns) = {
    [STEP_BEGIN] = write_begin,
    [STEP_GAP] = write_gap,
    [STEP_FUSED_END] = write_fused_end,
    [STEP_ITEM] = write_item,
    [STEP_TAIL] = write_tail,
    [STEP_LOST] = write_lost,
    [STEP_WORKER_END] = write_worker_end,
};

/* ---- The whole ------------------------------------------------------------------------------- */

uint64_t jsonl_stream_start_ns(const struct trace_process *process,
			       const struct trace_worker *worker)
{
	return trace_ns(process, begin_tick(worker));
}

struct jsonl_stream *jsonl_stream_open(struct trace *trace, size_t process_index, size_t worker,
				       struct jsonl_process *process, uint64_t *ns)
{
	struct jsonl_stream *stream = malloc(sizeof(*stream));

	if (!stream)
		return NULL;
	/* Not the items: of a short thread most are never used. */
	memset(stream, 0, offsetof(struct jsonl_stream, items));
	stream->process = process;
	stream->worker = &process->process->workers[worker];
	stream->range = &process->process->clock_ranges[0];
	stream->gap_at = NOWHERE;
	stream->cursor = trace_cursor_open(trace, process_index, worker);
	if (!stream->cursor) {
		free(stream);
		return NULL;
	}
	find_step(stream);
	*ns = stream_ns(stream, stream->tick);
	return stream;
}

bool jsonl_stream_write(struct jsonl_stream *stream, uint64_t *ns)
{
	bool more;

	writers[stream->step](stream, stream_ns(stream, stream->tick));
	more = find_step(stream);
	*ns = stream_ns(stream, stream->tick);
	return more;
}

const char *jsonl_stream_problem(const struct jsonl_stream *stream)
{
	return trace_cursor_problem(stream->cursor);
}

void jsonl_stream_close(struct jsonl_stream *stream)
{
	if (!stream)
		return;
	trace_cursor_close(stream->cursor);
	free(stream);
}
