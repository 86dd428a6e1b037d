/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of callbacks summed up by what a profile tells apart: which callback, called inside which
 * others, on which worker, in transactions of which signature.
 *
 * Rules: memory is bounded. Where there are too many rows, further runs are told apart by less: not
 * by signature, then not by worker, then all together.
 */
#ifndef PPROF_ROWS_H
#define PPROF_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PPROF_CHAIN_MAX 8
#define PPROF_NOWHERE	UINT32_MAX

struct pprof_row {
	uint32_t sites[PPROF_CHAIN_MAX]; /* of callbacks, the innermost first */
	uint32_t depth;
	uint32_t worker;    /* position; PPROF_NOWHERE: not told apart */
	uint64_t signature; /* hash; 0: of no transaction, or not told apart */
	bool in_pool;	    /* a request's work, not a callback */
	uint64_t count, ticks;
};

/* Zeroed: empty. */
struct pprof_rows {
	struct pprof_row *slots; /* depth 0: free */
	size_t capacity, count;
};

/* Adds a run's count and ticks to its row. 0 or -ENOMEM. */
int pprof_rows_add(struct pprof_rows *rows, const struct pprof_row *run);
void pprof_rows_free(struct pprof_rows *rows);

#endif
