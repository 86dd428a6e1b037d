/* SPDX-License-Identifier: Apache-2.0
 *
 * The comparison of a trace's polls with those that the traced program timed itself (harness.h):
 * each sample of the program has its poll, at its time and as long, and no poll is left over.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define TOLERANCE_NS 50000 /* how far the program's clock and the trace's may be apart */
#define SHORTER_NS   200   /* a poll's own rounding: one unit at each end, and the clock's slope */
#define MEDIAN_MIN   9	   /* polls that a median can be asked of */
#define MATCH_WINDOW                                                                               \
	16 /* polls of several threads may be recorded in another order than they were timed */

static bool emulated(void)
{
	return getenv("HARNESS_EMULATOR") != NULL;
}

/* One poll of the program, as it timed it, and the poll of the trace that was found for it. */
struct sample {
	uint64_t start_ns, end_ns;
	const struct poll *poll;
	size_t rank;  /* of that one, among its group's */
	size_t tried; /* for the poll of this rank and 1 more */
};

struct group {
	const char *kind, *callback, *caller;
	struct sample *samples;
	int64_t *excess_ns;
	size_t count;
	size_t matched;
};

static int compare_samples(const void *a, const void *b)
{
	const struct sample *left = a, *right = b;

	return (left->start_ns > right->start_ns) - (left->start_ns < right->start_ns);
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static struct group group_read(const json_t *entry)
{
	const json_t *samples = json_object_get(entry, "samples");
	struct group group = {
	    .kind = event_text(entry, "kind"),
	    .callback = event_text(entry, "callback"),
	    .caller = event_text(entry, "caller"),
	    .count = json_array_size(samples),
	};

	group.samples = calloc(group.count + 1, sizeof(*group.samples));
	group.excess_ns = calloc(group.count + 1, sizeof(*group.excess_ns));
	cr_assert(group.samples && group.excess_ns);
	for (size_t i = 0; i < group.count; i++) {
		const json_t *sample = json_array_get(samples, i);

		group.samples[i].start_ns = (uint64_t)json_integer_value(json_array_get(sample, 0));
		group.samples[i].end_ns = (uint64_t)json_integer_value(json_array_get(sample, 1));
	}
	qsort(group.samples, group.count, sizeof(*group.samples), compare_samples);
	return group;
}

/* How closely the program's clock and the trace's agree: an emulator has one of its own for each.
 */
static uint64_t clock_step_ns(void)
{
	return emulated() ? TOLERANCE_NS : SHORTER_NS;
}

/* Whether this poll can be that sample: it begins before it, ends after it, and is no shorter. Of
 * polls that overlap on several threads only one may be as long. */
static bool sample_fits(const struct sample *sample, const struct poll *poll)
{
	if (sample->start_ns + TOLERANCE_NS < poll->start_ns)
		return false;
	if (!sample->end_ns) /* the callback was left without a return */
		return poll->unwound || !poll->end_ns;
	return !poll->unwound && sample->start_ns <= poll->end_ns + TOLERANCE_NS &&
	       sample->end_ns <= poll->end_ns + TOLERANCE_NS &&
	       sample->end_ns - sample->start_ns <= poll->end_ns - poll->start_ns + clock_step_ns();
}

/* How far the sample's begin and end are from the poll's, in steps. The pool's threads begin
 * together, and each may be kept from its core at one of the ends: the two together tell them
 * apart. What the clocks cannot tell apart is taken in order. */
static uint64_t sample_distance(const struct sample *sample, const struct poll *poll)
{
	uint64_t distance_ns = (uint64_t)llabs((int64_t)(sample->start_ns - poll->start_ns));

	if (sample->end_ns && poll->end_ns)
		distance_ns += (uint64_t)llabs((int64_t)(sample->end_ns - poll->end_ns));
	return distance_ns / clock_step_ns();
}

static size_t window_first(size_t rank)
{
	return rank < MATCH_WINDOW ? 0 : rank - MATCH_WINDOW;
}

/* Of the samples that are free and that this poll can be, the nearest. */
static struct sample *group_find(struct group *group, const struct poll *poll, size_t rank)
{
	struct sample *nearest = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = window_first(rank); i < group->count && i < rank + MATCH_WINDOW; i++) {
		struct sample *sample = &group->samples[i];
		uint64_t distance = sample_distance(sample, poll);

		if (sample->poll || !sample_fits(sample, poll) || distance >= least)
			continue;
		nearest = sample;
		least = distance;
	}
	return nearest;
}

/* A sample for this poll, for which others may have to be given other ones: a poll that was kept
 * from its core at its end may have taken the sample of a shorter one. */
static bool group_assign(struct group *group, const struct poll *poll, size_t rank, size_t for_rank)
{
	struct sample *free_one = group_find(group, poll, rank);

	if (free_one) {
		free_one->poll = poll;
		free_one->rank = rank;
		return true;
	}
	for (size_t i = window_first(rank); i < group->count && i < rank + MATCH_WINDOW; i++) {
		struct sample *sample = &group->samples[i];

		if (sample->tried == for_rank + 1 || !sample_fits(sample, poll))
			continue;
		sample->tried = for_rank + 1;
		if (!group_assign(group, sample->poll, sample->rank, for_rank))
			continue;
		sample->poll = poll;
		sample->rank = rank;
		return true;
	}
	return false;
}

static void group_match(struct group *group, const struct poll *poll)
{
	cr_assert(group_assign(group, poll, group->matched, group->matched),
		  "%s %s: poll %zu of the trace, %" PRIu64 " to %" PRIu64
		  "%s, is none that the program counted",
		  group->kind, group->callback, group->matched, poll->start_ns, poll->end_ns,
		  poll->unwound ? " (unwound)" : "");
	group->matched++;
}

/* How much longer each poll is than what was timed inside it. */
static void group_measure(struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct sample *sample = &group->samples[i];

		if (sample->end_ns)
			group->excess_ns[i] =
			    (int64_t)(sample->poll->end_ns - sample->poll->start_ns) -
			    (int64_t)(sample->end_ns - sample->start_ns);
	}
}

/* No poll is shorter than what was timed inside it; most are longer by next to nothing. A few may
 * be longer by any time, when the kernel took the CPU away between the two clocks: of few polls
 * these can be the most. */
static void group_check_durations(struct group *group)
{
	/* An emulator translates code when it first runs, and its counter and clock calls have
	 * costs of their own. */
	int64_t more_ns = emulated() ? 50000000 : 0;

	qsort(group->excess_ns, group->count, sizeof(*group->excess_ns), compare_numbers);
	cr_assert_geq(group->excess_ns[0], -SHORTER_NS - more_ns,
		      "%s %s: a poll is %" PRId64 " ns shorter than its callback", group->kind,
		      group->callback, -group->excess_ns[0]);
	if (group->count < MEDIAN_MIN)
		return;
	cr_assert_leq(group->excess_ns[group->count / 2], TOLERANCE_NS + more_ns,
		      "%s %s: polls are %" PRId64 " ns longer than their callbacks", group->kind,
		      group->callback, group->excess_ns[group->count / 2]);
}

static bool group_has(const struct group *group, const struct poll *poll)
{
	return strcmp(group->kind, poll->kind) == 0 && name_is(poll->callback, group->callback) &&
	       (!group->caller[0] || name_is(poll->caller, group->caller));
}

/* Returns how many polls of the trace it accounts for. */
static size_t check_group(const struct trace *trace, const json_t *entry)
{
	struct group group = group_read(entry);
	size_t matched;

	for (size_t i = 0; i < trace->poll_count; i++)
		if (group_has(&group, &trace->polls[i]))
			group_match(&group, &trace->polls[i]);
	matched = group.matched;
	cr_assert_eq(matched, group.count,
		     "%s %s, registered by %s: the program counted %zu, the trace has %zu",
		     group.kind, group.callback, group.caller[0] ? group.caller : "anybody",
		     group.count, matched);
	group_measure(&group);
	group_check_durations(&group);
	free(group.samples);
	free(group.excess_ns);
	return matched;
}

void check_polls(const struct trace *trace, const json_t *truth, bool with_alloc)
{
	const json_t *polls = json_object_get(truth, "polls");
	size_t accounted = 0;

	for (size_t i = 0; i < json_array_size(polls); i++) {
		const json_t *entry = json_array_get(polls, i);

		if (with_alloc || strcmp(event_text(entry, "kind"), "alloc") != 0)
			accounted += check_group(trace, entry);
	}
	cr_assert_eq(trace->poll_count, accounted,
		     "the program counted %zu polls, the trace has %zu", accounted,
		     trace->poll_count);
}
