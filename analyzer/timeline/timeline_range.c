/* SPDX-License-Identifier: Apache-2.0
 *
 * The range that was asked for, what of it was recorded, and ticks in nanoseconds; what is known of
 * a trace's end.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_internal.h"

/* ---- The range ------------------------------------------------------------------------------- */

/* How many of the ranges begin before `tick`. */
static size_t off_begun_before(const struct timeline_private *hidden, uint64_t tick)
{
	size_t low = 0, high = hidden->off_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (hidden->off[middle].from < tick)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t off_ticks_before(const struct timeline_private *hidden, uint64_t tick)
{
	size_t count = off_begun_before(hidden, tick);
	const struct tick_range *last = count > 0 ? &hidden->off[count - 1] : NULL;

	if (!last)
		return 0;
	return last->before + (last->to < tick ? last->to : tick) - last->from;
}

uint64_t timeline_clip_slowly(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	const struct timeline_private *hidden = timeline->hidden;

	if (from < timeline->from_tick)
		from = timeline->from_tick;
	if (to > timeline->to_tick)
		to = timeline->to_tick;
	if (to <= from)
		return 0;
	return to - from - (off_ticks_before(hidden, to) - off_ticks_before(hidden, from));
}

uint64_t timeline_off_between(const struct timeline *timeline, uint64_t from, uint64_t to)
{
	const struct timeline_private *hidden = timeline->hidden;
	size_t at = off_begun_before(hidden, from);

	return at < hidden->off_count && hidden->off[at].from < to ? hidden->off[at].from : from;
}

/* The first tick that lies `ns` or more after the process' start. */
static uint64_t tick_after(const struct trace_process *process, uint64_t ns)
{
	uint64_t low = process->start_tick, high = process->last_tick + 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (trace_ns(process, middle) - process->start_mono_ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns how long it was. */
static uint64_t off_end(struct tick_range *range, uint64_t tick)
{
	range->to = tick;
	return tick - range->from;
}

static int off_read(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	struct timeline_private *hidden = timeline->hidden;
	bool off = false;
	uint64_t before = 0;

	hidden->off = calloc(process->sample_count + 1, sizeof(*hidden->off));
	if (!hidden->off)
		return -ENOMEM;
	for (size_t i = 0; i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		if (sample->type != TRACE_SAMPLE_RECORDING || off == (sample->a == 0))
			continue;
		off = sample->a == 0;
		if (off)
			hidden->off[hidden->off_count++] =
			    (struct tick_range){sample->tick, UINT64_MAX, before};
		else
			before += off_end(&hidden->off[hidden->off_count - 1], sample->tick);
	}
	struct tick_range *fitting =
	    realloc(hidden->off, (hidden->off_count + 1) * sizeof(*fitting));
	if (fitting)
		hidden->off = fitting;
	return 0;
}

int range_set(struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;
	const struct timeline_options *options = &timeline->options;
	bool whole = options->from_ns == 0 && options->to_ns == UINT64_MAX;

	timeline->from_tick =
	    options->from_ns == 0 ? process->start_tick : tick_after(process, options->from_ns);
	timeline->to_tick =
	    options->to_ns == UINT64_MAX ? UINT64_MAX : tick_after(process, options->to_ns);
	if (process->first_tick != 0 && process->first_tick < timeline->from_tick &&
	    options->from_ns == 0)
		timeline->from_tick = process->first_tick;
	timeline->end_tick =
	    process->last_tick < timeline->to_tick ? process->last_tick : timeline->to_tick;
	if (timeline->end_tick < timeline->from_tick)
		timeline->end_tick = timeline->from_tick;
	if (off_read(timeline) < 0)
		return -ENOMEM;
	timeline->hidden->whole = whole && timeline->hidden->off_count == 0;
	timeline->range_ticks =
	    timeline_clip_slowly(timeline, timeline->from_tick, timeline->end_tick);
	timeline->off_ticks = timeline->end_tick - timeline->from_tick - timeline->range_ticks;
	return 0;
}

/* ---- Units ----------------------------------------------------------------------------------- */

double range_ns_per_tick(const struct trace_process *process)
{
	uint64_t ticks =
	    process->last_tick > process->start_tick ? process->last_tick - process->start_tick : 0;
	uint64_t ns =
	    trace_ns(process, process->last_tick) - trace_ns(process, process->start_tick);

	if (ticks > 0 && ns > 0)
		return (double)ns / (double)ticks;
	return process->clock_range_count > 0
		   ? (double)process->clock_ranges[0].rate / (double)(1ull << TRACE_RATE_BITS)
		   : 1;
}

uint64_t timeline_ticks(const struct timeline *timeline, uint64_t ns)
{
	double ticks = (double)ns / timeline->hidden->ns_per_tick;

	return ticks < 1e18 ? (uint64_t)ticks + ((double)(uint64_t)ticks < ticks) : UINT64_MAX;
}

uint64_t timeline_ns(const struct timeline *timeline, uint64_t ticks)
{
	double ns = (double)ticks * timeline->hidden->ns_per_tick + 0.5;

	return ns < 0x1p64 ? (uint64_t)ns : UINT64_MAX;
}

double timeline_unit_ns(const struct timeline *timeline)
{
	return timeline->hidden->ns_per_tick;
}

int64_t timeline_offset_ns(const struct timeline *timeline, uint64_t tick)
{
	return (int64_t)(trace_ns(timeline->process, tick) - timeline->process->start_mono_ns);
}

uint64_t timeline_span_ns(const struct timeline *timeline, const struct timeline_span *span)
{
	return trace_ns(timeline->process, span->tick + span->duration) -
	       trace_ns(timeline->process, span->tick);
}

bool timeline_end_is_known(const struct timeline *timeline, size_t worker)
{
	const struct trace_process *process = timeline->process;

	if (process->workers[worker].missing_last > 0)
		return false;
	if (process->running)
		return process->drained;
	return process->salvaged || process->seal_reason == TRACE_SEAL_EXIT ||
	       process->seal_reason == TRACE_SEAL_DIED;
}

bool timeline_lost_after(const struct timeline *timeline, size_t worker, uint64_t tick)
{
	const struct trace_worker *entry = &timeline->process->workers[worker];
	const struct timeline_worker *facts = &timeline->workers[worker];

	return facts->lost_tick > tick || (entry->missing == 0 && entry->lost > facts->lost_told);
}

uint64_t timeline_last_event(const struct timeline *timeline)
{
	uint64_t last = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct trace_worker *worker = &timeline->process->workers[i];
		last = worker->last_tick > last ? worker->last_tick : last;
	}
	return last;
}

bool timeline_death_was_noticed(const struct timeline *timeline)
{
	const struct trace_process *process = timeline->process;

	return timeline_died(process) && !process->salvaged &&
	       process->seal_tick == process->last_tick &&
	       process->seal_tick > timeline_last_event(timeline);
}

uint64_t timeline_busy_ticks(const struct timeline_worker *worker)
{
	return worker->inside_ticks > worker->parked_ticks
		   ? worker->inside_ticks - worker->parked_ticks
		   : 0;
}

struct timeline_ending timeline_ending(const struct trace_process *process)
{
	for (size_t i = process->sample_count; i-- > 0;) {
		const struct trace_sample *sample = &process->samples[i];
		if (sample->type == TRACE_SAMPLE_EXIT)
			return (struct timeline_ending){.known = true,
							.code = (uint32_t)sample->a,
							.signal = (uint32_t)sample->b};
	}
	return (struct timeline_ending){0};
}
