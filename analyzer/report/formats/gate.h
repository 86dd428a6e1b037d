/* SPDX-License-Identifier: Apache-2.0
 *
 * Conditions that fail a build: "long_poll>50ms", "finding>=warning", "finding==pool_dns". gate.c has the table of
 * figures that they may be about.
 */
#ifndef GATE_H
#define GATE_H

#include "report/report.h"

enum gate_compare { GATE_MORE, GATE_NOT_LESS, GATE_LESS, GATE_NOT_MORE, GATE_SAME };

struct gate {
	const char *text;
	size_t figure; /* in the table */
	enum gate_compare compare;
	double value;
	const char *id; /* of a finding; NULL: by its severity, or another figure */
};

/* 0, -ENOENT: no such figure, -EINVAL: no condition. `text` must live as long as the gate. */
int gate_parse(struct gate *gate, const char *text);
/* Whether it compares with an older trace, and means nothing without one. */
bool gate_needs_baseline(const struct gate *gate);
/* True where the condition holds; then `why` is a line that says so, which the caller frees (NULL: no memory). */
bool gate_fails(const struct gate *gate, const struct report *report, char **why);
/* One line each: name and meaning. */
void gate_print_figures(FILE *out);

#endif
