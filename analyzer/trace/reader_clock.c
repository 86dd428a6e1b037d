/* SPDX-License-Identifier: Apache-2.0
 *
 * Ticks to time. Between two neighbouring clock pairs the counter is taken to run evenly; before
 * the first and after the last it runs on at the rate of the longest stretch that is known.
 *
 * Rules: never backwards, whatever the pairs say: a pair at which time or counter did not grow is
 * left out, and what a range gives never exceeds the next range's start. 128-bit products,
 * saturated, so nothing wraps. The first pair comes from the program, all others from who drained
 * it. Where all others agree with each other and the first does not (the program was shown another
 * time), the first is left out, and a note says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reader_internal.h"

typedef unsigned __int128 u128;

static uint64_t saturate(u128 value)
{
	return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

static int compare_pairs(const void *left, const void *right)
{
	const struct trace_clock_pair *a = left, *b = right;

	if (a->counter != b->counter)
		return a->counter < b->counter ? -1 : 1;
	return a->mono_ns < b->mono_ns ? -1 : a->mono_ns > b->mono_ns;
}

/* The pair of the file header: its counter has lost the bits that the unit does not hold. */
static struct trace_clock_pair start_pair(const struct trace_process *process)
{
	return (struct trace_clock_pair){saturate((u128)process->start_tick << process->unit_shift),
					 process->start_mono_ns, process->start_real_ns};
}

#define NOISE_NS 200000ull /* of one pair: its clocks are read one after the other */
#define FIRST_AWAY_NS                                                                              \
	1000000ull /* ... and so far from the others, and an eighth of the distance, is no noise   \
		    */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* How far a pair's time is from what the two others say by their line; *reach_ns: how far from the
 * nearer one that is, *noise_ns: what noise in these can make of it. All are UINT64_MAX where they
 * give no line. */
static uint64_t outside_ns(const struct trace_clock_pair *from, const struct trace_clock_pair *to,
			   const struct trace_clock_pair *pair, uint64_t *reach_ns,
			   uint64_t *noise_ns)
{
	uint64_t counts = to->counter - from->counter, ns = to->mono_ns - from->mono_ns;
	uint64_t back = distance(pair->counter, from->counter), line_ns;

	*reach_ns = *noise_ns = UINT64_MAX;
	if (to->counter <= from->counter || to->mono_ns <= from->mono_ns)
		return UINT64_MAX;
	*reach_ns = saturate((u128)back * ns / counts);
	*noise_ns = saturate(NOISE_NS + (u128)NOISE_NS * *reach_ns / ns);
	if (pair->counter >= from->counter)
		line_ns = saturate((u128)from->mono_ns + *reach_ns);
	else
		line_ns = from->mono_ns > *reach_ns ? from->mono_ns - *reach_ns : 0;
	return distance(pair->mono_ns, line_ns);
}

/* Of sorted pairs, how many at the start contradict all others, which agree: 0, or those of the
 * first moment. */
static size_t count_strange(const struct trace_clock_pair *pairs, size_t count, uint8_t shift)
{
	const struct trace_clock_pair *last = &pairs[count - 1];
	uint64_t outside, reach_ns, noise_ns;
	size_t first = 1;

	while (first < count && pairs[first].counter >> shift == pairs[0].counter >> shift)
		first++;
	if (count - first < 2)
		return 0;
	for (size_t i = first + 1; i + 1 < count; i++) {
		outside = outside_ns(&pairs[first], last, &pairs[i], &reach_ns, &noise_ns);
		if (outside > noise_ns && outside - noise_ns > reach_ns / 8)
			return 0;
	}
	outside = outside_ns(&pairs[first], last, &pairs[0], &reach_ns, &noise_ns);
	if (reach_ns == UINT64_MAX || outside <= FIRST_AWAY_NS ||
	    outside - FIRST_AWAY_NS <= reach_ns / 8)
		return 0;
	return outside - FIRST_AWAY_NS - reach_ns / 8 > noise_ns ? first : 0;
}

/* Of sorted pairs, keeps those at which both clocks went on by at least a unit. */
static size_t keep_growing(struct trace_clock_pair *pairs, size_t count, uint8_t shift)
{
	size_t kept = 1;

	for (size_t i = 1; i < count; i++)
		if (pairs[i].counter >> shift > pairs[kept - 1].counter >> shift &&
		    pairs[i].mono_ns > pairs[kept - 1].mono_ns)
			pairs[kept++] = pairs[i];
	return kept;
}

/* Nanoseconds a tick between two pairs, times 2^TRACE_RATE_BITS. */
static uint64_t pair_rate(const struct trace_process *process, const struct trace_clock_pair *from,
			  const struct trace_clock_pair *to)
{
	u128 ns = to->mono_ns - from->mono_ns;

	if (process->clock == TRACE_CLOCK_MONOTONIC || to->counter <= from->counter)
		return 1ull << (TRACE_RATE_BITS + process->unit_shift);
	return saturate((ns << (TRACE_RATE_BITS + process->unit_shift)) /
			(to->counter - from->counter));
}

/* Time at the start of the tick in which the pair lies. */
static uint64_t tick_ns(const struct trace_process *process, const struct trace_clock_pair *pair,
			uint64_t rate)
{
	uint64_t part = pair->counter & ((1ull << process->unit_shift) - 1);
	uint64_t part_ns = saturate((u128)part * rate >> (TRACE_RATE_BITS + process->unit_shift));

	return pair->mono_ns > part_ns ? pair->mono_ns - part_ns : 0;
}

static struct trace_clock_range make_range(const struct trace_process *process,
					   const struct trace_clock_pair *pair, uint64_t rate)
{
	return (struct trace_clock_range){.tick = pair->counter >> process->unit_shift,
					  .end_tick = UINT64_MAX,
					  .ns = tick_ns(process, pair, rate),
					  .end_ns = UINT64_MAX,
					  .rate = rate,
					  .real_offset_ns =
					      (int64_t)(pair->real_ns - pair->mono_ns)};
}

/* What lies before the first pair: back to 0 ns, or to tick 0. */
static struct trace_clock_range range_before(const struct trace_clock_range *first, uint64_t rate)
{
	struct trace_clock_range range = *first;
	u128 ticks = rate ? ((u128)first->ns << TRACE_RATE_BITS) / rate : 0;
	uint64_t back = ticks < first->tick ? (uint64_t)ticks : first->tick;

	range.rate = rate;
	range.tick = first->tick - back;
	range.ns = first->ns - saturate((u128)back * rate >> TRACE_RATE_BITS);
	return range;
}

static void close_ranges(struct trace_clock_range *ranges, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++) {
		if (ranges[i + 1].ns < ranges[i].ns)
			ranges[i + 1].ns = ranges[i].ns;
		ranges[i].end_tick = ranges[i + 1].tick;
		ranges[i].end_ns = ranges[i + 1].ns;
	}
}

static int make_ranges(struct trace_process *process, const struct trace_clock_pair *pairs,
		       size_t count)
{
	uint64_t rate = pair_rate(process, &pairs[0], &pairs[count - 1]);
	struct trace_clock_range *ranges = calloc(count + 1, sizeof(*ranges));

	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		ranges[i + 1] =
		    make_range(process, &pairs[i],
			       i + 1 < count ? pair_rate(process, &pairs[i], &pairs[i + 1]) : rate);
	ranges[0] = range_before(&ranges[1], rate);
	close_ranges(ranges, count + 1);
	process->clock_ranges = ranges;
	process->clock_range_count = count + 1;
	return 0;
}

/* Sorts the pairs and leaves out what is no use; *strange: the first is not among them. */
static size_t pairs_order(struct reader_state *state, uint8_t shift, bool *strange)
{
	size_t left_out;

	qsort(state->pairs, state->pair_count, sizeof(*state->pairs), compare_pairs);
	left_out = count_strange(state->pairs, state->pair_count, shift);
	state->pair_count -= left_out;
	memmove(state->pairs, state->pairs + left_out, state->pair_count * sizeof(*state->pairs));
	*strange = left_out > 0;
	return keep_growing(state->pairs, state->pair_count, shift);
}

/* Where the first pair was left out, recording began when the others say. */
static int start_put_right(struct trace_process *process)
{
	process->start_mono_ns = trace_ns(process, process->start_tick);
	process->start_real_ns = trace_real_ns(process, process->start_tick);
	return reader_note(
	    process,
	    "the program was shown another time than its drain, by whose clock times are told");
}

int reader_clock_make(struct reader *reader, size_t index)
{
	struct trace_process *process = &reader->trace.processes[index];
	struct reader_state *state = &reader->states[index];
	struct trace_clock_pair *pair =
	    reader_append(&state->pairs, &state->pair_count, sizeof(*pair));
	bool strange;
	size_t count;
	int error;

	if (!pair)
		return -ENOMEM;
	*pair = start_pair(process);
	count = pairs_order(state, process->unit_shift, &strange);
	if (count < 2 && process->clock != TRACE_CLOCK_MONOTONIC)
		reader_problem(reader,
			       "process %u: its clock was never compared with the time: its times "
			       "are counts, no nanoseconds",
			       process->pid);
	error = make_ranges(process, state->pairs, count);
	return !error && strange ? start_put_right(process) : error;
}

const struct trace_clock_range *trace_clock_range(const struct trace_process *process,
						  uint64_t tick)
{
	size_t low = 0, high = process->clock_range_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (process->clock_ranges[middle].tick <= tick)
			low = middle;
		else
			high = middle;
	}
	return &process->clock_ranges[low];
}

uint64_t trace_ns(const struct trace_process *process, uint64_t tick)
{
	return trace_range_ns(trace_clock_range(process, tick), tick);
}

uint64_t trace_real_ns(const struct trace_process *process, uint64_t tick)
{
	const struct trace_clock_range *range = trace_clock_range(process, tick);

	return trace_range_ns(range, tick) + (uint64_t)range->real_offset_ns;
}

#define WRITER_KEEPS_NS 1200000000ull

uint64_t trace_known_until_ns(const struct trace_process *process)
{
	uint64_t last_ns = trace_ns(process, process->last_tick), now_ns;
	struct timespec now;

	if (!process->drained || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		return last_ns;
	now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return now_ns > last_ns + WRITER_KEEPS_NS ? now_ns - WRITER_KEEPS_NS : last_ns;
}
