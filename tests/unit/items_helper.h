/* SPDX-License-Identifier: Apache-2.0
 *
 * Items of a trace, made by hand, and how a timeline gets them.
 */
#ifndef ITEMS_HELPER_H
#define ITEMS_HELPER_H

#include <criterion/criterion.h>

#include "timeline/timeline.h"

static inline struct trace_item poll(uint64_t tick, uint64_t duration, uint32_t site,
				     uint64_t object)
{
	return (struct trace_item){.tick = tick,
				   .duration = duration,
				   .word = trace_word(object, TRACE_CODE_POLL + site),
				   .shape = TRACE_SHAPE_POLL};
}

static inline struct trace_item wait(uint64_t tick, uint64_t duration, uint64_t ready)
{
	return (struct trace_item){.tick = tick,
				   .duration = duration,
				   .word = trace_word(ready, TRACE_UNPARK),
				   .shape = TRACE_SHAPE_WAIT};
}

/* To a timeline that is made already. */
#define FEED_MADE(timeline, worker, ...)                                                           \
	do {                                                                                       \
		const struct trace_item items_[] = {__VA_ARGS__};                                  \
		cr_assert_eq(timeline_feed(timeline, worker, items_,                               \
					   sizeof(items_) / sizeof(*items_), NULL, 0, false),      \
			     0);                                                                   \
	} while (0)

/* Ends each worker, and the timeline. */
static inline void timeline_end(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->process->worker_count; i++)
		cr_assert_eq(timeline_end_worker(timeline, i), 0);
	cr_assert_eq(timeline_finish(timeline), 0);
}

#endif
