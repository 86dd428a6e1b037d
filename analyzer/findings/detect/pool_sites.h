/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose requests the pool works on and who waits for it: by submitting callback, and by kind. Looks
 * of uv_fs_poll at files are told as that, of whoever polls.
 */
#ifndef POOL_SITES_H
#define POOL_SITES_H

#include "findings/findings_internal.h"

#define POOL_KINDS_TOLD 3

struct pool_work_sum {
	uint32_t site;	/* that submitted it; site_count: none */
	uint64_t count; /* that were begun */
	uint64_t ticks;
};

struct pool_kind {
	const char *name;
	uint64_t count, p99, ticks; /* of waits, in ticks */
};

struct pool_sites {
	struct pool_work_sum most, most_lookups; /* whose work took longest; of lookups only */
	struct pool_work_sum polled;		 /* uv_fs_poll's */
	bool polls;				 /* most requests are of that */
	uint32_t poller; /* who is told of what changed: who started it is its caller */
	struct pool_kind kinds[POOL_KINDS_TOLD]; /* that waited longest */
	size_t kind_count;
	uint64_t others_p99; /* the longest wait at p99 of callbacks whose work is little */
	uint32_t others_site;
	uint64_t wait_ticks; /* all waits, but those of uv_fs_poll */
};

/* False: memory is out. */
bool pool_sites_sum(const struct detection *detection, struct pool_sites *sites);

#endif
