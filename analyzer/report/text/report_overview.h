/* SPDX-License-Identifier: Apache-2.0
 *
 * The text report of many processes: findings over all of them, a table of processes, and whole
 * reports of the worst.
 *
 * Rules: each process is added once, after its findings were made, and may be gone afterwards.
 * Memory: a row a process, an entry a finding, and the text of those reports that are printed
 * whole.
 */
#ifndef REPORT_OVERVIEW_H
#define REPORT_OVERVIEW_H

#include <stdio.h>

#include "report/report.h"

#define OVERVIEW_FROM 11 /* processes: of fewer, each has its report */

struct overview;

/* `whole`: so many reports are printed whole, of the worst. NULL only when memory is out. */
struct overview *overview_make(size_t whole);
/* 0 or -ENOMEM, as the next one. */
int overview_add(struct overview *overview, const struct report *report);
/* `rows`: so many of each table. */
int overview_print(struct overview *overview, size_t rows, FILE *out);
void overview_free(struct overview *overview);

#endif
