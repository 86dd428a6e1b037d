/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a program and why, as its trace shows: detectors look over the timeline, each for one cause, and
 * what they find is put in order, the worst first.
 *
 * Rules: a detector is a small function in the table of findings.c; its thresholds have names (thresholds.def) and no
 * other number decides. What follows from another finding is told as a note, behind its cause. Each finding says how
 * sure it is; docs/findings.md has every formula.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include <stdio.h>

#include "measures.h"
#include "stall.h"
#include "symbols/symbols.h"
#include "timeline/timeline.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

enum threshold {
#define THRESHOLD(name, value, unit, text) LIMIT_##name,
#include "thresholds.def"
#undef THRESHOLD
	LIMIT_COUNT
};

struct thresholds {
	double values[LIMIT_COUNT];
};

struct finding {
	const char *id;
	enum severity severity;
	char *title;	  /* a sentence */
	char *culprit;	  /* a callback, a worker, a kind of request */
	char *evidence;	  /* figures */
	char *advice;	  /* what to do */
	char *excerpt;	  /* lines of the timeline; NULL without any */
	const char *file; /* of the culprit, "" where unknown */
	int line;
	uint32_t site;	  /* of the culprit; site_count where it is no callback */
	uint64_t cost_ns; /* that other callbacks waited because of it */
	double confidence;
	int64_t from_ns, to_ns; /* after the process' start: the worst of it */
	uint32_t worker;	/* number; 0: none */
};

struct findings {
	struct finding *list; /* the worst first */
	size_t count;
	struct measures_pool pool;
	struct measures_overhead overhead;
	bool failed; /* memory was out */
};

struct findings_input {
	struct trace *trace; /* for excerpts; NULL: none */
	size_t process;
	const struct timeline *timeline;
	struct symbols *symbols;
	const struct thresholds *thresholds;
	const struct stall *stalls;
	size_t stall_count;
};

/* NULL only when memory is out. */
struct findings *findings_make(const struct findings_input *input);
void findings_free(struct findings *findings);
/* The worst severity; -1: nothing was found. */
int findings_worst(const struct findings *findings);

struct thresholds thresholds_default(void);
/* "NAME=VALUE". 0, -ENOENT: no such name, -EINVAL: no such value. */
int thresholds_set(struct thresholds *thresholds, const char *text);
/* One line each: name, default, meaning. */
void thresholds_print(FILE *out);
/* What the timeline must keep for the detectors. */
void thresholds_apply(const struct thresholds *thresholds, struct timeline_options *options);

const char *severity_name(enum severity severity);
/* 0 or -EINVAL. */
int severity_parse(const char *text, enum severity *severity);

/* What was looked for, in the detectors' order; NULL at the end. And what this trace cannot tell. */
const char *findings_checked(size_t at);
const char *findings_unknown(const struct timeline *timeline, size_t at);

#endif
