/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a program and why, as its trace shows: detectors look over the timeline, each
 * for one cause, and what they find is put in order, the worst first.
 *
 * Rules: findings.def has a row for each finding, with its detector and all of its prose. A
 * detector gives facts, never text: the report makes sentences of them (report/findings_text.h).
 * Thresholds have names (thresholds.def) and no other number decides. What only follows from
 * another finding is a note. docs/findings.md has every formula.
 */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "measures.h"
#include "stall.h"
#include "symbols/symbols.h"
#include "thresholds.h"
#include "timeline/timeline.h"

struct transactions;
struct transaction_tally;

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

enum finding_id {
#define FINDING(name, ...) FINDING_##name,
#include "findings.def"
	FINDING_COUNT
};

/* What a finding's cost is: not known; time that others waited because of it; time that itself came
 * late. */
enum cost { COST_NONE, COST_OTHERS, COST_OWN };

enum fact_name {
#define FACT(name, unit) FACT_##name,
#include "facts.def"
#undef FACT
	FACT_COUNT
};

enum fact_unit {
	FACT_UNIT_TIME,
	FACT_UNIT_COUNT,
	FACT_UNIT_BYTES,
	FACT_UNIT_SHARE,
	FACT_UNIT_NUMBER,
	FACT_UNIT_SITE,
	FACT_UNIT_WORKER,
	FACT_UNIT_FLAG,
	FACT_UNIT_TEXT,
	FACT_UNIT_REASON,
	FACT_UNIT_ADVICE,
	FACT_UNIT_STALL
};

/* One fact; its unit says which member holds it. */
struct fact {
	enum fact_name name;
	union {
		uint64_t whole; /* TIME, COUNT, BYTES, SITE, WORKER, FLAG (1), REASON, ADVICE */
		double number;	/* SHARE, NUMBER */
		char *text;	/* TEXT, its own */
		const struct stall *stall; /* STALL, of the input */
	};
};

#define FINDING_FACTS_MAX 36

/* Made by the report; each is NULL until then. */
struct finding_text {
	char *title;	/* a sentence */
	char *culprit;	/* a callback, a worker, a kind of request; "" */
	char *evidence; /* figures */
	char *advice;	/* what to do */
	char *snippet;	/* lines of the timeline; NULL without any */
};

/* What it cost transactions, where that is known. */
struct finding_delay {
	bool known;
	bool at_most;	       /* other findings that blame the same callback delayed them, too */
	uint64_t transactions; /* that waited because of it */
	uint64_t ns;	       /* ... together */
	uint64_t before;       /* whose data may have lain there before their turn because of it */
	uint64_t before_ns;    /* ... for so long at most, together */
};

struct finding {
	enum finding_id id;
	enum severity severity;
	struct fact facts[FINDING_FACTS_MAX];
	size_t fact_count;
	const char *file; /* of the culprit, "" where unknown */
	int line;
	uint32_t site;	  /* of the culprit; site_count where it is no callback */
	uint64_t cost_ns; /* as finding_cost() says */
	struct finding_delay delay;
	double confidence;
	bool follows;		/* from another one */
	int64_t from_ns, to_ns; /* after the process' start: the worst of it, or the whole range */
	uint32_t worker;	/* number; 0: none */
	bool has_moment;	/* it is about a moment of one worker: */
	size_t position;	/* of that worker */
	uint64_t tick;
	bool failed; /* memory was out, or there are too many facts */
	struct finding_text text;
};

struct findings {
	struct finding *list; /* the worst first */
	size_t count;
	struct measures_pool pool;
	struct measures_overhead overhead;
	bool failed; /* memory was out */
};

struct findings_input {
	struct trace *trace; /* for a second look; NULL: none */
	size_t process;
	const struct timeline *timeline;
	struct symbols *symbols;
	const struct thresholds *thresholds;
	const struct stall *stalls;
	size_t stall_count;
	/* Of the profile (profile.h), where there is one. */
	const struct stall *profile;
	size_t profile_count;
	/* NULL: nobody followed them. */
	const struct transactions *transactions;
	const struct transaction_tally *tally;
};

/* NULL only when memory is out. */
struct findings *findings_make(const struct findings_input *input);
void findings_free(struct findings *findings);
/* The worst severity; -1: nothing was found. */
int findings_worst(const struct findings *findings);

/* "blocked_cpu": never changes. */
const char *finding_id_name(enum finding_id id);
enum cost finding_cost(enum finding_id id);
/* The heading of docs/findings.md that explains it, as in an address: "blocking-callbacks". */
const char *finding_anchor(enum finding_id id);
/* The names of the thresholds that it goes by, divided by blanks. */
const char *finding_thresholds(enum finding_id id);

/* NULL: the finding does not have it. */
const struct fact *finding_fact(const struct finding *finding, enum fact_name name);
/* "duration_ns" */
const char *fact_name(enum fact_name name);
enum fact_unit fact_unit(enum fact_name name);

/* What a trace may not have: findings.def has the rows. */
enum unknown {
#define UNKNOWN(name, ...) UNKNOWN_##name,
#include "findings.def"
	UNKNOWN_COUNT
};

bool findings_unknown(const struct timeline *timeline, enum unknown unknown);

const char *severity_name(enum severity severity);
/* 0 or -EINVAL. */
int severity_parse(const char *text, enum severity *severity);

#endif
