/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of what ran in callbacks (UVTRACE_SAMPLE_HZ): each sample explained like a stall
 * sample, with the callback that was open at its tick and the time that it stands for.
 *
 * Rules: a sample stands for its own period and those of the samples that were due before it and
 * not taken; the samples of a worker's callbacks share the time that its events give for them, in
 * proportion. Where events are missing the callback is not known.
 */
#ifndef PROFILE_H
#define PROFILE_H

#include "stall.h"

/* stalls_free() frees. NULL only when memory is out; without a profile there are no samples in it.
 * Of each: `ticks` is what it stands for, `poll_tick` when its callback began (its own tick: not
 * known), `site` is site_count where the callback is not known. */
struct stalls *profile_make(struct trace *trace, const struct timeline *timeline,
			    struct symbols *symbols);

#endif
