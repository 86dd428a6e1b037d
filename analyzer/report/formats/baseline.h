/* SPDX-License-Identifier: Apache-2.0
 *
 * Compares a trace with an older one, callback by callback and, of transactions, signature by
 * signature: what got slower by more than chance explains.
 *
 * One is worse at a quantile when the range in which the true quantile lies (by the order of
 * the runs, at three standard deviations) is above the older one's range, and it is so many times
 * as long and by so much as the thresholds say. Where there are too few runs for a range, nothing
 * is said.
 */
#ifndef BASELINE_H
#define BASELINE_H

#include "report/report.h"

struct baseline;

/* Reads the older trace. NULL: memory was out; baseline_problem() says what could not be read. */
struct baseline *baseline_open(const char *path);
const char *baseline_problem(const struct baseline *baseline); /* NULL: none */
void baseline_close(struct baseline *baseline);

/* Callbacks and transactions (which may be NULL) of both, the worse ones first. The caller frees;
 * their texts live as long as the baseline. NULL: no memory. */
struct baseline_row *baseline_compare(struct baseline *baseline, const struct timeline *timeline,
				      const struct transactions *transactions,
				      struct symbols *symbols, const struct thresholds *thresholds,
				      size_t *count, size_t *worse);

#endif
