/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs of callbacks summed up for a profile (pprof_rows.h).
 */
#include <criterion/criterion.h>

#include "report/formats/exports/pprof_rows.h"

#define WORKERS	 100
#define SITES	 1000
#define ROWS_MAX 65536

static struct pprof_row run_of(uint32_t site, uint32_t worker, uint64_t signature)
{
	return (struct pprof_row){.sites = {site},
				  .depth = 1,
				  .worker = worker,
				  .signature = signature,
				  .count = 1,
				  .ticks = 10};
}

static void add(struct pprof_rows *rows, struct pprof_row row)
{
	cr_assert_eq(pprof_rows_add(rows, &row), 0);
}

Test(pprof_rows, equal_runs_are_one_row)
{
	struct pprof_rows rows = {0};

	for (size_t i = 0; i < 5; i++) {
		add(&rows, run_of(1, 2, 3));
		add(&rows, run_of(1, 2, 4));
		add(&rows, run_of(1, 3, 3));
		add(&rows, run_of(2, 2, 3));
	}
	cr_expect_eq(rows.count, 4);
	for (size_t i = 0; i < rows.capacity; i++) {
		if (rows.slots[i].depth == 0)
			continue;
		cr_expect_eq(rows.slots[i].count, 5);
		cr_expect_eq(rows.slots[i].ticks, 50);
	}
	pprof_rows_free(&rows);
}

Test(pprof_rows, many_are_told_apart_by_less_and_no_run_is_lost)
{
	struct pprof_rows rows = {0};
	uint64_t runs = 0, count = 0, ticks = 0;

	for (uint32_t site = 0; site < 90 * SITES; site++, runs++)
		add(&rows, run_of(site, site % WORKERS, 1 + site % 7));
	for (size_t i = 0; i < rows.capacity; i++) {
		count += rows.slots[i].count;
		ticks += rows.slots[i].ticks;
	}
	cr_expect_leq(rows.count, ROWS_MAX + 1);
	cr_expect_eq(count, runs);
	cr_expect_eq(ticks, 10 * runs);
	pprof_rows_free(&rows);
}
