/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists of the longest spans: timeline_lists.def says which there are.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_internal.h"

static int number_compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Longer is more; of two equal ones the earlier, and so on: the order in which they are found must
 * not matter, and short polls inside one another may well begin and end at the same ticks. */
int timeline_span_compare(const struct timeline_span *a, const struct timeline_span *b)
{
	int order = number_compare(a->duration, b->duration);

	order = order ? order : number_compare(b->tick, a->tick);
	order = order ? order : number_compare(b->worker, a->worker);
	order = order ? order : number_compare(b->nested, a->nested);
	order = order ? order : number_compare(b->in_pool, a->in_pool);
	order = order ? order : number_compare(b->site, a->site);
	order = order ? order : number_compare(b->object, a->object);
	order = order ? order : number_compare(b->depth, a->depth);
	return order ? order : number_compare(b->sure, a->sure);
}

/* A heap with the least on top: what is listed is what is more than that. */
static void top_sink(struct timeline_top *top, size_t at)
{
	struct timeline_span moving = top->spans[at];

	for (;;) {
		size_t child = at * 2 + 1;
		if (child + 1 < top->count &&
		    timeline_span_compare(&top->spans[child + 1], &top->spans[child]) < 0)
			child++;
		if (child >= top->count || timeline_span_compare(&moving, &top->spans[child]) <= 0)
			break;
		top->spans[at] = top->spans[child];
		at = child;
	}
	top->spans[at] = moving;
}

static int top_append(struct timeline_top *top, const struct timeline_span *span)
{
	if ((top->count & (top->count - 1)) == 0) {
		size_t capacity = top->count ? top->count * 2 : 1;
		struct timeline_span *spans = realloc(top->spans, capacity * sizeof(*spans));
		if (!spans)
			return -ENOMEM;
		top->spans = spans;
	}
	size_t at = top->count++;
	for (; at > 0 && timeline_span_compare(&top->spans[(at - 1) / 2], span) > 0;
	     at = (at - 1) / 2)
		top->spans[at] = top->spans[(at - 1) / 2];
	top->spans[at] = *span;
	return 0;
}

int timeline_top_add(struct timeline_top *top, const struct timeline_span *span)
{
	top->seen++;
	top->ticks += span->duration;
	if (top->count < top->max)
		return top_append(top, span);
	if (top->count > 0 && timeline_span_compare(span, &top->spans[0]) > 0) {
		top->spans[0] = *span;
		top_sink(top, 0);
	}
	return 0;
}

int timeline_note_poll(const struct timeline *timeline, struct timeline_worker *facts,
		       struct timeline_top *long_polls, const struct timeline_span *poll)
{
	const struct timeline_watch *watch = timeline->options.watch;

	if (watch && watch->poll)
		watch->poll(watch->arg, poll);
	if (facts->slowest.duration == 0 || timeline_span_compare(poll, &facts->slowest) > 0)
		facts->slowest = *poll;
	return poll->duration < timeline->hidden->long_poll_ticks
		   ? 0
		   : timeline_top_add(long_polls, poll);
}

int timeline_top_merge(struct timeline_top *into, struct timeline_top *from)
{
	uint64_t seen = into->seen + from->seen, ticks = into->ticks + from->ticks;
	int error = 0;

	for (size_t i = 0; i < from->count && error == 0; i++)
		error = timeline_top_add(into, &from->spans[i]);
	into->seen = seen;
	into->ticks = ticks;
	return error;
}

static int compare_longest_first(const void *a, const void *b)
{
	return -timeline_span_compare(a, b);
}

void timeline_top_sort(struct timeline_top *top)
{
	if (top->count > 1)
		qsort(top->spans, top->count, sizeof(*top->spans), compare_longest_first);
}
