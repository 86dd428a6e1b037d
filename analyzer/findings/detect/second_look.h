/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one worker's items once more, in order, for what the timeline does not keep. Done only
 * where its figures show a reason.
 */
#ifndef SECOND_LOOK_H
#define SECOND_LOOK_H

#include "findings/findings.h"

struct second_look {
	/* Each poll's start, and each instant. `by`: the site of the poll that it is inside of, or
	 * that begins; site_count: none. */
	void (*take)(void *arg, uint64_t tick, uint64_t word, uint32_t by);
	/* Events are missing before this tick. */
	void (*forget)(void *arg, uint64_t tick);
	void *arg;
};

/* False: there is no trace to look at, or no memory. */
bool second_look(const struct findings_input *input, size_t worker, const struct second_look *look);

/* In which quarter of the range the tick lies; those outside of it belong to the first or last. */
size_t quarter_of(const struct timeline *timeline, uint64_t tick);

#endif
