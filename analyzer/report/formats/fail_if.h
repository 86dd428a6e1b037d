/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions that fail a build: "long_poll>50ms", "finding>=warning", "finding==pool_dns",
 * "transaction_p99[read on_request]>50ms".
 * fail_if.c has the table of figures that they may be about.
 */
#ifndef FAIL_IF_H
#define FAIL_IF_H

#include "report/report.h"

enum fail_if_compare {
	FAIL_IF_MORE,
	FAIL_IF_NOT_LESS,
	FAIL_IF_LESS,
	FAIL_IF_NOT_MORE,
	FAIL_IF_SAME
};

struct fail_if {
	const char *text;
	size_t figure; /* in the table */
	enum fail_if_compare compare;
	double value;
	const char *root; /* "KIND CALLBACK" of transactions, not ended by a zero; NULL: any */
	size_t root_length;
	const char *id; /* of a finding; NULL: by its severity, or another figure */
};

/* 0, -ENOENT: no such figure, -EINVAL: no condition. `text` must live as long as the gate. */
int fail_if_parse(struct fail_if *fail_if, const char *text);
/* It is about transactions of a root of which this process has none. */
bool fail_if_is_about_nothing(const struct fail_if *fail_if, const struct report *report);
/* Whether it compares with an older trace, and means nothing without one. */
bool fail_if_needs_baseline(const struct fail_if *fail_if);
/* True where the condition holds; then `why` is a line that says so, which the caller frees (NULL:
 * no memory). */
bool fail_if_fails(const struct fail_if *fail_if, const struct report *report, char **why);
/* One line each: name and meaning. */
void fail_if_print_figures(FILE *out);

#endif
