/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of trace_to_jsonl share: jsonl_event (one line an event), jsonl_stream (a worker's
 * items as events in order of time), jsonl_samples (the same for samples), jsonl_convert (all of
 * it, merged).
 *
 * Rules: one event is one line; whatever is in the trace, the line is valid JSON and valid UTF-8.
 * Memory does not grow with the trace.
 */
#ifndef JSONL_H
#define JSONL_H

#include "base/json_out.h"
#include "base/request_table.h"
#include "trace/marks.h"
#include "trace/reader.h"
#include "symbols/symbols.h"
#include "transactions/native/step_index.h"

/* ---- jsonl_event.c --------------------------------------------------------------------------- */

/* Requests that the pool has: 48 bits of struct uv__work's address, 16 of kind; a slot by hash, the
 * newest stays. */
#define JSONL_REQUESTS 65536

struct jsonl_pending_entry {
	uint64_t key, since_ns;
};

/* First in, first out. */
struct jsonl_pending_queue {
	struct jsonl_pending_entry *entries;
	size_t first, end, capacity;
};

#define JSONL_DOUBLINGS                                                                            \
	64 /* of the limit; there is nothing to tell any more after 2^63 times that */

struct jsonl_pending {
	struct request_table
	    requests;		   /* on their way; submit_tick is in ns, worker is its number */
	struct request_table gaps; /* by worker's number + 1: when events of it were last missing */
	struct jsonl_pending_queue
	    queues[JSONL_DOUBLINGS]; /* by how often the limit has doubled until it is due */
	uint64_t filled;	     /* bits: queues in which there may be something */
	size_t queued;		     /* in all of them, ended ones too */
	uint64_t due_ns;	     /* when there may be something to tell; UINT64_MAX: never */
};

struct jsonl_process {
	const struct trace_process *process;
	struct json_out *out;
	struct symbols *symbols;
	char **sites; /* by site: kind, callback and caller as they are printed; made when first
			 needed */
	uint64_t *requests;
	struct jsonl_pending pending;
	bool show_pid;
	struct step_index *index; /* NULL: nobody asked for transactions */
	struct step_reader *steps;
};

/* Returns 0 or -ENOMEM. */
int jsonl_process_init(struct jsonl_process *process, const struct trace_process *trace,
		       struct json_out *out, bool show_pid);
void jsonl_process_free(struct jsonl_process *process);

/* `{"event":...,"timestamp_ns":...,"worker":...`; jsonl_end() closes it. */
void jsonl_begin(struct jsonl_process *process, const char *event, uint64_t ns, uint32_t worker);
void jsonl_end(struct jsonl_process *process);

/* `,"kind":...,"callback":...,"caller":...,"object":...` of a poll's word. */
void jsonl_put_poll(struct jsonl_process *process, uint64_t word);

/* A whole line for an event word; polls have their own below. */
void jsonl_instant(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word);
void jsonl_mark(struct jsonl_process *process, uint64_t ns, uint32_t worker,
		const struct mark *mark);
/* PollStart, and RequestDone before it where the callback is that of a request. `step`: what
 * transaction it is part of; NULL: not known. */
void jsonl_poll_start(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word,
		      const struct step_record *step);
/* `word` is the one that the poll began with; 0: not known. duration_ns UINT64_MAX: not known. */
void jsonl_poll_end(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word,
		    uint64_t duration_ns, bool unwound);
/* `word` is the ITEM_END that will end it; 0: not known. */
void jsonl_item_start(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word);
void jsonl_missing(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t count);
/* Events that were dropped, and of which no event tells. */
void jsonl_lost(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t count);
void jsonl_trace_start(struct jsonl_process *process, const struct trace *trace);

void jsonl_request_pending(struct jsonl_process *process, const struct request *request,
			   uint64_t ns, uint64_t age_ns);

/* ---- jsonl_pending.c ------------------------------------------------------------------------- */

void jsonl_pending_begin(struct jsonl_process *process, uint32_t worker, uint32_t site,
			 uint64_t object, uint64_t ns);
/* False: its submission is not known. */
bool jsonl_pending_end(struct jsonl_process *process, uint64_t object, uint64_t ns,
		       uint64_t *life_ns);
/* Events of the worker are missing: its requests may have ended. */
void jsonl_pending_forget(struct jsonl_process *process, uint32_t worker, uint64_t ns);
/* Where a limit is none, it reaches beyond all time. */
static inline uint64_t jsonl_later_ns(uint64_t ns, uint64_t by_ns)
{
	uint64_t later_ns;

	return __builtin_add_overflow(ns, by_ns, &later_ns) ? UINT64_MAX : later_ns;
}

/* Tells what has been on its way for long, and sets pending.due_ns anew. */
void jsonl_pending_look(struct jsonl_process *process, uint64_t ns);
void jsonl_pending_free(struct jsonl_pending *pending);

/* ---- jsonl_steps.c --------------------------------------------------------------------------- */

/* Reads the trace for its transactions, for jsonl_step(). 0 or -errno. */
int jsonl_steps_find(struct jsonl_process *process, struct trace *trace, size_t position);
/* What a poll is part of; NULL: not known. Asked in the order of time. */
const struct step_record *jsonl_step(const struct jsonl_process *process, size_t worker,
				     uint64_t tick);

/* ---- jsonl_stream.c -------------------------------------------------------------------------- */

struct jsonl_stream;

/* Of one worker; *ns: when its first event is. NULL: no memory. */
struct jsonl_stream *jsonl_stream_open(struct trace *trace, size_t process_index, size_t worker,
				       struct jsonl_process *process, uint64_t *ns);
/* When its first event is, at the earliest, without opening it. */
uint64_t jsonl_stream_start_ns(const struct trace_process *process,
			       const struct trace_worker *worker);
/* Writes the next event (and what comes with it at the same time); *ns: when the one after it is.
 * False: that was the last one. */
bool jsonl_stream_write(struct jsonl_stream *stream, uint64_t *ns);
/* NULL or a line that says what could not be read. */
const char *jsonl_stream_problem(const struct jsonl_stream *stream);
void jsonl_stream_close(struct jsonl_stream *stream);

/* ---- jsonl_samples.c ------------------------------------------------------------------------- */

struct jsonl_samples {
	struct jsonl_process *process;
	size_t at;
	const struct trace_sample *pool; /* the last one */
	bool loops_told;		 /* since then */
	size_t pool_at;		   /* the next one, once it was looked for; or behind all samples */
	struct request_table last; /* by loop: the place of its last sample before that */
};

/* As for streams; false: there is none (any more). */
bool jsonl_samples_begin(struct jsonl_samples *samples, struct jsonl_process *process,
			 uint64_t *ns);
bool jsonl_samples_write(struct jsonl_samples *samples, uint64_t *ns);
void jsonl_samples_end(struct jsonl_samples *samples);

/* ---- jsonl_stalls.c -------------------------------------------------------------------------- */

/* Stall samples, likewise; `at` is the next one's place. */
struct jsonl_stalls {
	struct jsonl_process *process;
	size_t at;
};

bool jsonl_stalls_begin(struct jsonl_stalls *stalls, struct jsonl_process *process, uint64_t *ns);
bool jsonl_stalls_write(struct jsonl_stalls *stalls, uint64_t *ns);

/* ---- jsonl_convert.c ------------------------------------------------------------------------- */

struct jsonl_watcher {
	void (*problem)(void *arg,
			const char *problem); /* a line about what could not be read on the way */
	trace_progress progress;	      /* events written, about */
	void *arg;
};

/* Writes all of it and flushes; with `transactions` each poll says which one it is part of, for
 * which the trace is read once more. Returns 0 or -errno. */
int jsonl_convert(struct trace *trace, struct json_out *out, const struct jsonl_watcher *watcher,
		  bool transactions);

#endif
