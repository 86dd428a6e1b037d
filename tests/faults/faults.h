/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a program into a fault, with and without the preload, and holds what came of it against what
 * the program counted (tests/fixtures/faults/fault.h): same output and exit status; at most one
 * line of ours, the expected one; every callback in the trace, none twice; no helper left; no ring
 * left where somebody was alive to remove it.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "../e2e/harness.h"

enum fault_flag {
	FAULT_DIES = 1, /* at a moment that nobody knows: one callback a thread may be begun and not
			   counted */
	FAULT_LOSES = 2,	       /* events may be lost or missing; the trace says how many */
	FAULT_UNTRACED = 4,	       /* there need be no trace at all */
	FAULT_ROOT = 8,		       /* needs to be root; skipped otherwise */
	FAULT_MAY_SAY = 16,	       /* the line may come or not */
	FAULT_THREAD_LEAVES_RING = 64, /* the thread may not remove it any more */
	FAULT_SOME_LOST = 128,	       /* events may be lost, or come too early, but no callback */
	FAULT_CROWDED =
	    256, /* what runs on threads for which there is no ring is counted, start and end */
	FAULT_KERNEL = 512,	/* not every kernel has it; skipped where it cannot be prepared */
	FAULT_SAYS_MORE = 1024, /* other lines of ours may follow */
	FAULT_BOTH_DIE = 32, /* program and helper die together: the ring is left to the analyzer */
};

struct fault {
	const char *name;
	const char *program; /* in build/fixtures */
	const char *args[HARNESS_ARGS_MAX];
	const char *env[4];
	int (*prepare)(void);
	unsigned flags;
	const char *says[2]; /* what our line contains in either mode; NULL: nothing is said */
	unsigned untraced;   /* processes that count and are not traced */
};

enum fault_mode { FAULT_PROCESS, FAULT_THREAD, FAULT_MODES };
extern const char *const fault_mode_names[FAULT_MODES]; /* "process", "thread" */
extern const char *const fault_mode_settings[FAULT_MODES];

/* In both modes, each in a directory of its own. */
void fault_run(const struct fault *fault);

/* A fault as a test: FAULT(suite, test, .program = "...", ...) with the fields above. */
#define FAULT(suite, test, ...)                                                                    \
	Test(suite, test)                                                                          \
	{                                                                                          \
		fault_run(&(const struct fault){.name = #test, __VA_ARGS__});                      \
	}

/* ---- Pieces, for faults that need more than a table ------------------------------------------ */

#define FAULT_PROCESSES_MAX 64

/* What the processes of a run counted, each once, from the file "counts". */
struct fault_truth {
	struct {
		uint32_t pid;
		uint64_t started, finished;
	} processes[FAULT_PROCESSES_MAX];
	size_t count;
};

struct fault_truth fault_truth_read(void);

/* Waits a second at most until no helper serves any of these; then no ring may be there either,
 * unless `rings_stay`. */
void fault_check_gone(const struct fault_truth *truth, bool rings_stay, const char *what);

/* The trace in uvtrace.data, and rings that were left, against the truth. */
void fault_check_trace(const struct fault_truth *truth, unsigned flags, unsigned untraced,
		       const char *what);

/* The report on uvtrace.data and the rings that these processes left; NULL if there is nothing. */
json_t *fault_analyze(const struct fault_truth *truth);
json_t *fault_process_of(json_t *report, uint32_t pid, size_t nth); /* borrowed, or NULL */

/* The helper that has the ring of this process mapped; 0 if there is none. */
pid_t fault_helper_of(pid_t pid);
/* Waits until there is one; fails if there is none in 10 s. */
pid_t fault_wait_for_helper(pid_t pid);

/* It has ended, whether or not its parent has asked for its status. */
bool fault_has_ended(pid_t pid);

void fault_remove_rings(const struct fault_truth *truth);

void fault_sleep_us(unsigned us);

#endif
