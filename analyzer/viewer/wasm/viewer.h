/* SPDX-License-Identifier: Apache-2.0
 *
 * What the page's C files share: the trace that is shown, and one process of it made ready to be
 * drawn. There is one page, so there is one `viewer`, and one thread.
 *
 * Rules: what crosses the border to JavaScript is called page_*: functions that the page calls
 * (EXPORT) and the one that is called of it. viewer and viewer_* are shared by all C files alone;
 * all else has the name of what it is about. Times at the border to JavaScript are doubles:
 * nanoseconds after the process' start where they are called _ns, ticks after it where they are
 * called tick; a worker and a tick name a poll.
 */
#ifndef VIEWER_H
#define VIEWER_H

#include <jansson.h>

#include "briefs.h"
#include "lanes.h"
#include "sums/levels.h"
#include "report/report.h"

#define EXPORT(name) __attribute__((export_name(#name)))

/* What a timeline's reading gave. */
struct figures {
	struct timeline *timeline;
	struct transactions *transactions;
	struct transaction_tally *tally;
};

struct viewer {
	struct trace *trace;
	size_t process_index;
	const struct trace_process *process; /* NULL until one is chosen */
	struct symbols *symbols;
	struct figures figures;	   /* of the whole process */
	struct timeline *timeline; /* its timeline */
	struct briefs briefs;	   /* its transactions */
	struct lane *lanes;	   /* by worker */
	struct levels pool, requests;
	struct lane_filter filter;
	uint8_t *filter_sites, *find_sites; /* one byte a site, one more for unknown ones */
	uint32_t sites;
	char *text;  /* the last answer in JSON */
	char *flame; /* of the last figures' profile, likewise */
};

extern struct viewer viewer;

/* Told to the page now and then: what is going on, and how much of it is done (0 to 1). */
__attribute__((import_module("page"), import_name("progress"))) void page_progress(int what,
										   double share);
enum progress {
#define PROGRESS(name, text) PROGRESS_##name,
#include "viewer/contract.def"
};

enum run_column {
#define RUN(name) RUN_##name,
#include "viewer/contract.def"
	RUNS
};

enum brief_column {
#define BRIEF(name) BRIEF_##name,
#include "viewer/contract.def"
	BRIEFS
};

/* Takes the value and gives its text, valid until the next answer. NULL: no memory. */
const char *viewer_answer(json_t *json);

/* ---- times.c --------------------------------------------------------------------------------- */
double time_ns(uint64_t tick);	 /* after the process' start */
double time_tick(uint64_t tick); /* the same in ticks */
uint64_t tick_of(double tick);	 /* and back */
double tick_at_ns(double ns); /* the tick, as it counts in the trace, at a time; may lie before 0 */
uint64_t ticks_at_least(double ns); /* a duration */

/* ---- figures.c ------------------------------------------------------------------------------- */
struct timeline_options figure_options(void);
/* Reads the process; `with_briefs`: its transactions into viewer.briefs. The timeline is NULL where
 * memory is out. */
struct figures figures_read(const struct timeline_options *options, bool with_briefs,
			    trace_progress progress);
void figures_free(struct figures *figures);

/* ---- load.c ---------------------------------------------------------------------------------- */
struct loader;
/* For the timeline that is read before: puts work on the pool and its levels into the lanes. */
extern const struct timeline_watch lanes_watch;
/* NULL: no memory. */
struct loader *loader_open(void);
/* 1: goes on, 0: done, -ENOMEM. */
int loader_step(struct loader *loader, uint32_t batches);
double loader_share(const struct loader *loader);
void loader_close(struct loader *loader);

/* ---- sums/requests.c: how many are on their way ---------------------------------------------- */
struct request_count;
/* NULL: no memory. Errors: -ENOMEM. */
struct request_count *requests_count_open(void);
/* A worker's items in the order in which they are read, one worker after the other. */
int requests_count_take(struct request_count *count, size_t worker, const struct trace_item *items,
			size_t item_count);
/* Events are missing before a tick. */
int requests_count_gap(struct request_count *count, size_t worker, uint64_t tick);
void requests_count_worker_end(struct request_count *count);
/* Puts it into viewer.requests. */
int requests_count_finish(struct request_count *count);
void requests_count_close(struct request_count *count);

/* ---- parts.c: parts of a worker's stream, decoded once more ---------------------------------- */
/* Valid until the next call. Empty where memory is out. */
const struct box *part_boxes(size_t worker, size_t part, size_t *count);
void parts_forget(void);
/* Whether all of them are kept once they were decoded. */
bool parts_fit(void);
/* All items and boxes of a part, batch by batch. */
struct part_batch {
	size_t worker, item_count, box_count;
	const struct trace_item *items;
	const struct box *boxes;
};
typedef void part_take(void *arg, const struct part_batch *batch);
struct box_stream part_stream(size_t worker);
void part_read(size_t worker, size_t part, part_take *take, void *arg);
/* Feeds a timeline with the parts of a worker that hold something of [from, to), and ends the
 * worker. Errors: -ENOMEM. */
int parts_feed(struct timeline *timeline, size_t worker, uint64_t from, uint64_t to);
/* The first part that ends at or after a tick. */
size_t part_at(size_t worker, uint64_t tick);
size_t part_of_leaf(const struct lane *lane, size_t leaf);

/* ---- find.c ---------------------------------------------------------------------------------- */
struct place {
	size_t worker;
	struct box box;
	uint64_t submit_tick; /* of work on the pool */
	bool found;
};
/* The poll or work of a worker that began at a tick, the longest where there are several. */
struct place find_at(size_t worker, uint64_t tick);

/* ---- page_transactions.c --------------------------------------------------------------------- */
/* The worker of the pool that did a request's work; worker_count: not known. */
size_t pool_worker_of(uint64_t run_tick, uint64_t end_tick);
/* Calls for each transaction of the process, which is read once more. Errors: -ENOMEM. */
int transactions_again(void (*over)(void *arg, const struct transaction *transaction), void *arg);

/* ---- jobs/runs.c ----------------------------------------------------------------------------- */
void runs_forget(void);

/* ---- step_filter.c --------------------------------------------------------------------------- */
void steps_forget(void);

/* ---- flame.c --------------------------------------------------------------------------------- */
/* Keeps the profile of a report for page_flame(). */
void flame_take(const struct report *report);

/* ---- describe.c ------------------------------------------------------------------------------ */
void json_put(json_t *object, const char *key, json_t *value);
/* worker, start, duration, site, object: what every list of polls says. */
json_t *describe_box(size_t worker, const struct box *box);

#endif
