/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that the pool has worked on, for what-ifs: of stretches of so many that follow each
 * other the one that waited longest is kept.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline/timeline_internal.h"

#define ARRIVALS_KEPT 32768 /* in a stretch */

/* Keeps the stretch if it waited longer than the one that was kept, and begins another. */
static void chunk_end(struct timeline *timeline, struct arrivals *arrivals)
{
	struct timeline_arrival *chunk = arrivals->chunk;

	if (arrivals->count > 0 &&
	    (timeline->arrival_count == 0 || arrivals->wait_ticks > arrivals->kept_ticks)) {
		arrivals->chunk = timeline->arrivals;
		timeline->arrivals = chunk;
		timeline->arrival_count = arrivals->count;
		arrivals->kept_ticks = arrivals->wait_ticks;
	}
	arrivals->count = 0;
	arrivals->wait_ticks = 0;
}

int arrivals_add(struct timeline *timeline, struct arrivals *arrivals,
		 const struct timeline_arrival *arrival)
{
	if (!arrivals->chunk)
		arrivals->chunk = calloc(ARRIVALS_KEPT, sizeof(*arrivals->chunk));
	if (!arrivals->chunk)
		return -ENOMEM;
	timeline->arrivals_seen++;
	arrivals->wait_ticks += arrival->wait_ticks;
	arrivals->chunk[arrivals->count++] = *arrival;
	if (arrivals->count == ARRIVALS_KEPT)
		chunk_end(timeline, arrivals);
	return 0;
}

static int compare_submitted_first(const void *a, const void *b)
{
	const struct timeline_arrival *x = a, *y = b;

	return x->submit_tick < y->submit_tick ? -1 : x->submit_tick > y->submit_tick;
}

void arrivals_finish(struct timeline *timeline, struct arrivals *arrivals)
{
	chunk_end(timeline, arrivals);
	if (timeline->arrival_count > 1)
		qsort(timeline->arrivals, timeline->arrival_count, sizeof(*timeline->arrivals),
		      compare_submitted_first);
}
