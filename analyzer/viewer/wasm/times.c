/* SPDX-License-Identifier: Apache-2.0
 *
 * Ticks and nanoseconds at the border to JavaScript.
 */
#include "viewer.h"

/* Ticks come in the order of time mostly, so the range of the last one serves the next. */
static const struct trace_clock_range *range_of(uint64_t tick)
{
	static const struct trace_clock_range *last;
	static const struct trace_process *of;

	if (of != viewer.process || !last || tick < last->tick || tick >= last->end_tick) {
		last = trace_clock_range(viewer.process, tick);
		of = viewer.process;
	}
	return last;
}

double time_ns(uint64_t tick)
{
	return (double)(int64_t)(trace_range_ns(range_of(tick), tick) -
				 viewer.process->start_mono_ns);
}

double time_tick(uint64_t tick)
{
	return (double)(int64_t)(tick - viewer.process->start_tick);
}

uint64_t tick_of(double tick)
{
	double absolute = tick + (double)viewer.process->start_tick;

	return absolute > 0 ? viewer.process->start_tick + (uint64_t)(int64_t)tick : 0;
}

double tick_at_ns(double ns)
{
	const struct trace_clock_range *ranges = viewer.process->clock_ranges, *range = ranges;
	double absolute = ns + (double)viewer.process->start_mono_ns;

	for (size_t i = 1;
	     i < viewer.process->clock_range_count && (double)ranges[i].ns <= absolute; i++)
		range = &ranges[i];
	double rate = (double)range->rate / (double)(1ull << TRACE_RATE_BITS);
	double from = (double)(int64_t)(range->ns - viewer.process->start_mono_ns);
	return (double)range->tick + (rate > 0 ? (ns - from) / rate : 0);
}

uint64_t ticks_at_least(double ns)
{
	double ticks = ns / timeline_unit_ns(viewer.timeline);

	return ticks > 0 ? (uint64_t)ticks + ((double)(uint64_t)ticks < ticks) : 0;
}
