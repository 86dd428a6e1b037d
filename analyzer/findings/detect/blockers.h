/* SPDX-License-Identifier: Apache-2.0
 *
 * The long runs of callbacks that blocked a loop, put together by callback and by what they were
 * in. detect_blocked.c tells of each.
 */
#ifndef BLOCKERS_H
#define BLOCKERS_H

#include "findings/findings_internal.h"
#include "findings/stall_samples.h"

/* The long runs of one callback that were in the same. */
struct blocker {
	uint32_t site;		     /* the first of its callback */
	const struct stall *kind;    /* any sample that saw that; NULL: none. Of nested runs, one
					that has a function of a script */
	bool nested;		     /* they waited in loops of their own */
	bool exits;		     /* the program ended in them by exit() */
	uint64_t runs, open, unseen; /* unseen: nobody looked at them */
	bool worst_open;
	double total, longest; /* ns, without what the kernel may have kept it from running */
	double wall;	       /* ns, with that */
	double seen;	       /* ns of wall, of runs that samples saw; of nested ones all */
	double nested_ns;
	double missed_ns; /* that a regular timer's own next runs waited */
	uint64_t missed;
	struct timeline_span worst;
	double known;				  /* ns of its runs that samples cover ... */
	struct measures_bounds cpu, asleep, wait; /* ... and what it did in them */
	const struct stall *stall;		  /* what it was seen in */
	const struct stall *scripts;		  /* ... with functions of scripts */
	struct timeline_span told;		  /* the run that this was in, else the worst */
	double cost;  /* ns that others waited for it, without what is told otherwise */
	bool is_told; /* ... all of it is */
};

struct blockers {
	struct blocker *list;
	size_t count;
	struct stall_samples stall_samples;
	const struct trace_process *process;
	uint32_t *firsts; /* of each site and the unknown one, once asked for: what first_site()
			     says, plus 1 */
};

/* False: memory is out. blockers_free() either way. */
bool blockers_make(const struct detection *detection, struct blockers *blockers);
void blockers_free(struct blockers *blockers);

/* The first site of the same kind and callback: one that is registered in several places is one
 * cause. */
uint32_t first_site(const struct blockers *blockers, uint32_t site);

/* What CPU time says of it, and how sure that is. */
struct blocker_cause {
	enum finding_id id;
	double confidence;
};

struct blocker_cause blocker_cause_by_time(const struct detection *detection,
					   const struct blocker *blocker);
/* Why it blocked, as far as samples cover it. */
struct blocker_cause blocker_cause(const struct detection *detection,
				   const struct blocker *blocker);

/* Whether a run in which that was seen is one of this blocker's, which has a kind: nested ones are
 * told apart by the function that ran the loop. */
bool blocker_is_of(const struct blocker *blocker, const struct stall *kind);
/* Whether a sample is of a run of this blocker's. */
bool blocker_has_sample(const struct blockers *blockers, const struct blocker *blocker,
			size_t stall_sample);
/* What most of the time went by in that its samples stand for. */
enum stall_cause blocker_most_seen(const struct blockers *blockers, const struct blocker *blocker);
enum severity blocker_severity(struct detection *detection, const struct blocker *blocker,
			       double cost);
/* Tells of causes that several of them have in common (detect_joint.c). */
void joint_find(struct detection *detection, struct blockers *blockers);

#endif
