/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples of blocking callbacks, explained: what the thread was in, for how long the callback had
 * run, and by which functions it got there. Findings take these as proof where a trace has them.
 * Rules: facts alone; the report makes texts of them.
 */
#ifndef STALL_H
#define STALL_H

#include <stddef.h>
#include <stdint.h>

#include "symbols/function_origin.h"
#include "symbols/symbols.h"
#include "timeline/timeline.h"

enum stall_cause {
	STALL_UNKNOWN,
	STALL_SYSCALL,
	STALL_LOCK,
	STALL_CPU,
	STALL_DESCHEDULED, /* ready to run, but the kernel ran somebody else */
	STALL_CAUSES
};

enum stall_in_kind {
	STALL_IN_UNKNOWN,
	STALL_IN_PAGE_FAULT,
	STALL_IN_SYSCALL, /* of `stall_sample`, with its arguments and object */
	STALL_IN_FUTEX,
	STALL_IN_STOPPED, /* by a signal or a debugger */
	STALL_IN_CODE,
	STALL_IN_SCRIPT /* see `script` */
};

/* What the thread was in. The report puts it into words (report/stall_text.h). */
struct stall_in {
	enum stall_in_kind kind;
	char waiter[64];	 /* FUTEX: the function of the thread library, or the system call */
	char *variable;		 /* ... the variable's name; NULL: only its address is known */
	uint32_t blocker_worker; /* ... number of the worker that has the lock; 0: none has */
	const struct symbol_info *own;	 /* CODE: the program's innermost function; NULL: none */
	const struct symbol_info *inner; /* ... and what of libc it is in; NULL: nothing */
};

/* Functions of scripts; NULL where there are none. They are frames of the same stack. */
struct stall_script {
	const struct stack_frame *user;	  /* the program's own, the innermost one */
	const struct stack_frame *caller; /* ... and the one that called that */
	char *call_name; /* what `user` called, which is not the program's own: "fs.readFileSync" */
	const struct symbol_info *label; /* the program's outermost one: the callback's own */
	enum work_reason reason;	 /* what all that is for, as far as it can be told */
};

struct stall {
	uint64_t tick;	    /* of the sample */
	uint64_t poll_tick; /* when the callback began */
	uint64_t ticks; /* of the callback's run that this sample stands for: since the one before,
			   and after the last one */
	uint32_t site;	/* site_count: none is known */
	size_t worker;	/* position */
	enum stall_cause cause;
	struct stall_in in;

	const struct trace_stall *stall_sample; /* as it was recorded */
	uint64_t poll_ticks; /* that the callback ran for in the end; 0: not known */
	bool is_last;	     /* of its callback's run */
	bool measured;	     /* between the first sight of the callback and this sample: */
	uint64_t measured_ns, cpu_ns, wait_ns, asleep_ns;
	struct stack_frame *frames; /* innermost first */
	size_t frame_count;
	struct stall_script script;
};

struct stalls {
	struct stall *list; /* by tick */
	size_t count;
	uint64_t taken, suppressed,
	    blind; /* samples in all, left out, without anything seen; 0: not known */
};

/* One sample: everything but `ticks`, `poll_ticks` and `is_last`. 0 or -ENOMEM; stall_clear() frees
 * either way. */
int stall_explain(const struct trace_process *process, struct symbols *symbols,
		  const struct trace_stall *stall_sample, struct stall *stall);
void stall_clear(struct stall *stall);

/* NULL only when memory is out. */
struct stalls *stalls_make(const struct timeline *timeline, struct symbols *symbols);
void stalls_free(struct stalls *stalls);

/* How long a callback that was open when its program died had run at least, in ticks: to the
 * process' last event, or the last sample of it. When it ended nobody saw. */
uint64_t stalls_open_least(const struct timeline *timeline, const struct stall *list, size_t count,
			   const struct timeline_span *span);

const char *stall_cause_name(enum stall_cause cause);

#endif
