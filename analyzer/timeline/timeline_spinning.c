/* SPDX-License-Identifier: Apache-2.0
 *
 * Loop iterations that do nothing, and what makes a loop go through them: idle handles and timers
 * that ran in empty ones, and descriptors that are ready in one iteration after the other: polled
 * ones, and those of handles whose callback gets an error each time, so that nothing is read.
 *
 * A row is of one handle: it is over with the first iteration in which its callback did not run.
 * Rows of fewer than ROW_LEAST iterations are not kept, and of several handles the one with more.
 */
#include "timeline_internal.h"

#define ROW_LEAST 100

void spinning_empty(struct stream *stream, const struct iteration *iteration, uint64_t ticks)
{
	struct timeline_worker *facts = stream->facts;

	facts->empty_ticks += ticks;
	facts->empty_callback_ticks +=
	    iteration->facts.ticks < ticks ? iteration->facts.ticks : ticks;
	if (iteration->idle) {
		facts->idle_iterations++;
		majority_add(&facts->idle_site, iteration->idle_site, 1);
	}
	if (iteration->facts.timers > 0) {
		facts->due_iterations++;
		majority_add(&facts->due_site, iteration->facts.timer_site, 1);
	}
}

/* ---- Descriptors that are always ready ------------------------------------------------------- */

static void row_keep(struct timeline_always_ready *into, const struct timeline_always_ready *row)
{
	if (into->object != row->object) {
		if (row->iterations > into->iterations)
			*into = *row;
		return;
	}
	into->iterations += row->iterations;
	into->at_once += row->at_once;
	into->ticks += row->ticks;
	into->callbacks += row->callbacks;
	into->callback_ticks += row->callback_ticks;
	into->failures += row->failures;
}

void spinning_row_end(struct stream *stream)
{
	if (stream->counted && stream->ready_row.facts.iterations >= ROW_LEAST)
		row_keep(&stream->facts->always_ready, &stream->ready_row.facts);
	stream->ready_row = (struct ready_row){.at_once = stream->ready_row.at_once};
}

void spinning_begin(struct stream *stream, bool at_once)
{
	stream->ready_row.at_once = at_once;
}

void spinning_poll(struct stream *stream, uint64_t ticks, uint64_t object, uint32_t site)
{
	struct ready_row *row = &stream->ready_row;

	if (stream->iteration.wake_tick == 0)
		return;
	if (row->facts.callbacks == 0) {
		row->facts.object = object;
		row->facts.site = site;
		row->from_tick = stream->iteration.wake_tick;
	}
	if (object != row->facts.object)
		return;
	row->seen = true;
	row->facts.callbacks++;
	row->facts.callback_ticks += ticks;
}

void spinning_failed(struct stream *stream, uint64_t ticks, uint64_t word, uint32_t site)
{
	uint64_t object = trace_word_object(word);

	if ((stream->traits[site] & (TRAIT_READ | TRAIT_POLL)) != TRAIT_READ)
		return;
	spinning_poll(stream, ticks, object, site);
	stream->ready_row.facts.failures += object == stream->ready_row.facts.object;
}

void spinning_over(struct stream *stream, uint64_t tick)
{
	struct ready_row *row = &stream->ready_row;

	if (row->facts.callbacks == 0 || stream->iteration.wake_tick == 0 ||
	    stream->iteration.entered)
		return;
	if (!row->seen) {
		spinning_row_end(stream);
		return;
	}
	row->facts.iterations++;
	row->facts.at_once += row->at_once;
	if (tick > row->from_tick)
		row->facts.ticks += timeline_clip(stream->timeline, row->from_tick, tick);
	row->from_tick = tick;
	row->seen = false;
}

/* ---- Clients that cannot be accepted --------------------------------------------------------- */

void accept_failures_add(struct timeline_accept_failures *into,
			 const struct timeline_accept_failures *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->first_tick < into->first_tick)
		into->first_tick = from->first_tick;
	if (from->last_tick > into->last_tick)
		into->last_tick = from->last_tick;
	if (from->limit > into->limit)
		into->limit = from->limit;
	into->count += from->count;
	into->in_callbacks += from->in_callbacks;
	majority_add(&into->site, from->site.site, from->site.votes);
}

/* ---- What parts have added up ---------------------------------------------------------------- */

void spinning_merge(struct timeline_worker *into, const struct timeline_worker *from)
{
	into->empty_callback_ticks += from->empty_callback_ticks;
	into->idle_iterations += from->idle_iterations;
	into->due_iterations += from->due_iterations;
	majority_add(&into->idle_site, from->idle_site.site, from->idle_site.votes);
	majority_add(&into->due_site, from->due_site.site, from->due_site.votes);
	majority_add(&into->connection_site, from->connection_site.site,
		     from->connection_site.votes);
	majority_add(&into->read_site, from->read_site.site, from->read_site.votes);
	row_keep(&into->always_ready, &from->always_ready);
	accept_failures_add(&into->accept_failures, &from->accept_failures);
}
