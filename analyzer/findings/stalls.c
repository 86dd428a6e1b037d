/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall.h: each sample of the trace, unwound, and what it says of the cause.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stall.h"
#include "stall_scripts.h"
#include "trace/syscalls.h"

#define LOCK_FRAMES 6 /* innermost ones among which the lock's function is looked for */

/* ---- What it was in -------------------------------------------------------------------------- */

static bool is_libc(const struct symbol_info *symbol)
{
	return *symbol->module == '\0' || function_is_libc(symbol);
}

/* Functions that wait by a futex, and whether for a lock. */
static const struct {
	const char *part;
	bool is_lock;
	const char *told; /* NULL: its own name */
} waiters[] = {
    {"mutex_lock", true, NULL}, {"mutex_timedlock", true, NULL}, {"rwlock_", true, NULL},
    {"spin_lock", true, NULL},	{"lll_lock", true, NULL},	 {"cond_", false, NULL},
    {"sem_", false, NULL},	{"barrier_", false, NULL},	 {"join_ex", false, "pthread_join"},
    {"_join", false, NULL},	{"_once", false, NULL},
};

/* The function of the program's thread library that waits, by the name that the program called it:
 * false where it is none of these. */
static bool waiter_find(const struct stall *stall, bool *is_lock, char *waiter, size_t bytes)
{
	bool found = false;

	for (size_t i = 0; i < stall->frame_count && i < LOCK_FRAMES; i++) {
		for (size_t k = 0; k < sizeof(waiters) / sizeof(*waiters); k++) {
			if (!is_libc(stall->frames[i].symbol) ||
			    !strstr(stall->frames[i].symbol->name, waiters[k].part))
				continue;
			*is_lock = waiters[k].is_lock;
			stall_plain_name(waiter, bytes,
					 waiters[k].told ? waiters[k].told
							 : stall->frames[i].symbol->name);
			found = true;
		}
	}
	return found;
}

/* The worker of the trace that has the lock; 0: none of them. */
static uint32_t blocker_worker(const struct trace_process *process, uint32_t tid)
{
	for (size_t i = 0; tid != 0 && i < process->worker_count; i++) {
		if (process->workers[i].tid == tid && process->workers[i].role != TRACE_ROLE_OTHER)
			return process->workers[i].worker;
	}
	return 0;
}

static void futex_find(const struct trace_process *process, struct symbols *symbols,
		       struct stall *stall)
{
	const struct trace_stall *sample = stall->stall_sample;
	bool is_lock = sample->blocker != 0;

	stall->in.kind = STALL_IN_FUTEX;
	if (!waiter_find(stall, &is_lock, stall->in.waiter, sizeof(stall->in.waiter)))
		snprintf(stall->in.waiter, sizeof(stall->in.waiter), "%s",
			 syscall_name(sample->machine, sample->syscall));
	stall->in.variable = symbols_variable(symbols, sample->arguments[0]);
	stall->in.blocker_worker = blocker_worker(process, sample->blocker);
	stall->cause = is_lock ? STALL_LOCK : STALL_SYSCALL;
}

/* Sleeps, and in what is known. */
static void asleep_find(const struct trace_process *process, struct symbols *symbols,
			struct stall *stall)
{
	const struct trace_stall *sample = stall->stall_sample;

	stall->cause = STALL_SYSCALL;
	if (sample->syscall < 0)
		stall->in.kind = STALL_IN_PAGE_FAULT;
	else if (syscall_role(sample->machine, sample->syscall) == SYSCALL_FUTEX)
		futex_find(process, symbols, stall);
	else
		stall->in.kind = STALL_IN_SYSCALL;
}

/* The program's own innermost function and what that called; where there is none, a library's and
 * what of libc that was in. What has no name, or was looked for, explains nothing. */
static void place_find(struct stall *stall)
{
	struct stall_in *in = &stall->in;
	size_t at;

	if (stall->script.user) {
		in->kind = STALL_IN_SCRIPT;
		return;
	}
	for (at = 0; at < stall->frame_count && !stall->frames[at].is_own; at++)
		;
	if (at == stall->frame_count)
		for (at = 0;
		     at < stall->frame_count && (!stall_frame_explains(&stall->frames[at]) ||
						 is_libc(stall->frames[at].symbol));
		     at++)
			;
	if (at < stall->frame_count)
		in->own = stall->frames[at].symbol;
	in->inner = stall_call_before(stall, at);
	if (in->own || in->inner)
		in->kind = STALL_IN_CODE;
}

/* Most of the callback's time so far went into this. */
static bool is_most(const struct trace_process *process, const struct stall *stall, uint64_t ns)
{
	uint64_t so_far = trace_ns(process, stall->tick) - trace_ns(process, stall->poll_tick);

	return stall->measured && ns > so_far / 2;
}

/* Where it was not stopped for the sample, only the time that it used says that it computed. */
static void computed_find(const struct trace_process *process, struct stall *stall)
{
	stall->cause = STALL_CPU;
	if (is_most(process, stall, stall->wait_ns))
		stall->cause = STALL_DESCHEDULED;
	else if (!stall->stall_sample->register_count && !is_most(process, stall, stall->cpu_ns))
		stall->cause = STALL_UNKNOWN;
	place_find(stall);
}

static void cause_find(const struct trace_process *process, struct symbols *symbols,
		       struct stall *stall)
{
	const struct trace_stall *sample = stall->stall_sample;

	if (sample->state == 'T' || sample->state == 't')
		stall->in.kind = STALL_IN_STOPPED;
	else if (sample->sp && sample->register_count == 0)
		asleep_find(process, symbols, stall);
	else if (sample->state == 'R' || sample->register_count > 0)
		computed_find(process, stall);
}

/* ---- Time ------------------------------------------------------------------------------------ */

static void stall_measure(const struct trace_process *process, struct stall *stall)
{
	const struct trace_stall *stall_sample = stall->stall_sample;
	uint64_t wall =
	    trace_ns(process, stall_sample->tick) - trace_ns(process, stall_sample->base_tick);

	if (stall_sample->cpu_ns < stall_sample->base_cpu_ns ||
	    stall_sample->wait_ns < stall_sample->base_wait_ns || stall_sample->cpu_ns == 0 ||
	    wall == 0)
		return;
	stall->measured = true;
	stall->measured_ns = wall;
	stall->cpu_ns = stall_sample->cpu_ns - stall_sample->base_cpu_ns;
	stall->cpu_ns = stall->cpu_ns < wall ? stall->cpu_ns : wall;
	stall->wait_ns = stall_sample->wait_ns - stall_sample->base_wait_ns;
	stall->wait_ns =
	    stall->wait_ns < wall - stall->cpu_ns ? stall->wait_ns : wall - stall->cpu_ns;
	stall->asleep_ns = wall - stall->cpu_ns - stall->wait_ns;
}

/* How long the callback ran in the end, by the timeline's lists. */
static uint64_t poll_ticks(const struct timeline *timeline, const struct stall *stall)
{
	const struct timeline_top *lists[] = {&timeline->blocking, &timeline->long_polls};

	for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++) {
		for (size_t i = 0; i < lists[k]->count; i++) {
			const struct timeline_span *span = &lists[k]->spans[i];
			if (span->tick == stall->poll_tick && span->worker == stall->worker &&
			    !span->in_pool)
				return span->duration;
		}
	}
	return 0;
}

/* A call of a futex that is no lock wakes threads or waits a moment for them: where the thread used
 * the CPU for most of the time since the sample before (or since its callback was first seen), it
 * computed, and the sample fell on that call. */
static void futex_judge(const struct trace_process *process, struct stall *stall,
			const struct stall *before)
{
	const struct trace_stall *now = stall->stall_sample;
	bool follows =
	    before && before->poll_tick == stall->poll_tick && before->stall_sample->cpu_ns > 0;
	uint64_t tick = follows ? before->tick : now->base_tick;
	uint64_t cpu_ns = follows ? before->stall_sample->cpu_ns : now->base_cpu_ns;

	if (stall->cause != STALL_SYSCALL || now->syscall < 0 ||
	    syscall_role(now->machine, now->syscall) != SYSCALL_FUTEX || now->cpu_ns <= cpu_ns ||
	    now->cpu_ns - cpu_ns <= (trace_ns(process, now->tick) - trace_ns(process, tick)) / 2)
		return;
	free(stall->in.variable);
	stall->in = (struct stall_in){.kind = STALL_IN_UNKNOWN};
	stall->cause = STALL_CPU;
	place_find(stall);
}

/* Each sample stands for the time since the one before. `last` is, by worker, the one before plus
 * 1. */
static void stall_weigh(const struct trace_process *process, struct stalls *stalls, size_t at,
			size_t *last)
{
	struct stall *stall = &stalls->list[at];
	struct stall *before = last[stall->worker] ? &stalls->list[last[stall->worker] - 1] : NULL;

	stall->ticks = stall->tick - stall->poll_tick;
	stall->is_last = true;
	last[stall->worker] = at + 1;
	if (before && before->poll_tick == stall->poll_tick) {
		stall->ticks = stall->tick - before->tick;
		before->is_last = false;
	}
	futex_judge(process, stall, before);
}

/* The last one stands for what came after it too, as far as that is known. */
static int stalls_weigh(const struct timeline *timeline, struct stalls *stalls)
{
	size_t *last = calloc(timeline->process->worker_count + 1, sizeof(*last));
	int error = last ? 0 : -ENOMEM;

	for (size_t i = 0; error == 0 && i < stalls->count; i++)
		stall_weigh(timeline->process, stalls, i, last);
	free(last);
	for (size_t i = 0; i < stalls->count; i++) {
		struct stall *stall = &stalls->list[i];
		uint64_t so_far = stall->tick - stall->poll_tick;
		stall->poll_ticks = poll_ticks(timeline, stall);
		if (stall->is_last && stall->poll_ticks > so_far)
			stall->ticks += stall->poll_ticks - so_far;
	}
	return error;
}

/* ---- The list -------------------------------------------------------------------------------- */

static size_t worker_position(const struct trace_process *process, uint32_t number)
{
	size_t position = 0;

	while (position < process->worker_count && process->workers[position].worker != number)
		position++;
	return position;
}

static bool is_wanted(const struct timeline *timeline, const struct trace_stall *stall_sample)
{
	const struct timeline_options *options = &timeline->options;

	return stall_sample->type == TRACE_STALL_LOOK &&
	       stall_sample->tick >= timeline->from_tick &&
	       stall_sample->poll_tick <= timeline->to_tick &&
	       (options->worker == 0 || options->worker == stall_sample->worker);
}

static uint32_t site_of(const struct trace_process *process, uint64_t word)
{
	uint32_t site = trace_word_code(word) - TRACE_CODE_POLL;

	return site < process->site_count ? site : (uint32_t)process->site_count;
}

int stall_explain(const struct trace_process *process, struct symbols *symbols,
		  const struct trace_stall *stall_sample, struct stall *stall)
{
	*stall = (struct stall){.tick = stall_sample->tick,
				.poll_tick = stall_sample->poll_tick,
				.site = site_of(process, stall_sample->poll_word),
				.worker = worker_position(process, stall_sample->worker),
				.stall_sample = stall_sample};
	int error = stall_scripts_read(process, symbols, stall);
	stall_measure(process, stall);
	if (error == 0)
		cause_find(process, symbols, stall);
	return error;
}

void stall_clear(struct stall *stall)
{
	free(stall->in.variable);
	free(stall->script.call_name);
	free(stall->frames);
}

/* Samples of threads that the trace knows nothing else of say nothing about the program's
 * callbacks. */
static int stalls_add(struct stalls *stalls, const struct timeline *timeline,
		      struct symbols *symbols, const struct trace_stall *stall_sample)
{
	if (worker_position(timeline->process, stall_sample->worker) ==
	    timeline->process->worker_count)
		return 0;
	return stall_explain(timeline->process, symbols, stall_sample,
			     &stalls->list[stalls->count++]);
}

/* The newest totals. */
static void stalls_total(struct stalls *stalls, const struct trace_process *process)
{
	for (size_t i = 0; i < process->sample_count; i++) {
		const struct trace_sample *sample = &process->samples[i];
		if (sample->type != TRACE_SAMPLE_STALLS)
			continue;
		stalls->taken = sample->a;
		stalls->suppressed = sample->b;
		stalls->blind = sample->c;
	}
}

struct stalls *stalls_make(const struct timeline *timeline, struct symbols *symbols)
{
	const struct trace_process *process = timeline->process;
	struct stalls *stalls = calloc(1, sizeof(*stalls));
	int error = 0;

	if (!stalls)
		return NULL;
	stalls->list = calloc(process->stall_count + 1, sizeof(*stalls->list));
	if (!stalls->list)
		error = -ENOMEM;
	for (size_t i = 0; error == 0 && i < process->stall_count; i++)
		if (is_wanted(timeline, &process->stalls[i]))
			error = stalls_add(stalls, timeline, symbols, &process->stalls[i]);
	stalls_total(stalls, process);
	if (error == 0 && stalls_weigh(timeline, stalls) == 0)
		return stalls;
	stalls_free(stalls);
	return NULL;
}

void stalls_free(struct stalls *stalls)
{
	if (!stalls)
		return;
	for (size_t i = 0; stalls->list && i < stalls->count; i++)
		stall_clear(&stalls->list[i]);
	free(stalls->list);
	free(stalls);
}

uint64_t stalls_open_least(const struct timeline *timeline, const struct stall *list, size_t count,
			   const struct timeline_span *span)
{
	uint64_t last = timeline_last_event(timeline);

	for (size_t i = 0; i < count; i++) {
		if (list[i].poll_tick == span->tick && list[i].worker == span->worker &&
		    list[i].tick > last)
			last = list[i].tick;
	}
	return last > span->tick ? last - span->tick : 0;
}

const char *stall_cause_name(enum stall_cause cause)
{
	static const char *const names[STALL_CAUSES] = {
	    [STALL_UNKNOWN] = "unknown", [STALL_SYSCALL] = "syscall",	      [STALL_LOCK] = "lock",
	    [STALL_CPU] = "cpu",	 [STALL_DESCHEDULED] = "descheduled",
	};

	return names[cause];
}
