/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall.h: each look of the trace, unwound and put into words.
 */
#include <errno.h>
#include <inttypes.h>
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
	static const char *const names[] = {"libc.",	 "libm.",    "libpthread", "ld-",
					    "libstdc++", "libgcc_s", "[vdso]"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strncmp(symbol->module, names[i], strlen(names[i])) == 0)
			return true;
	}
	return *symbol->module == '\0';
}

/* Functions that wait by a futex, and whether for a lock. */
static const struct {
	const char *part;
	bool is_lock;
} waiters[] = {
    {"mutex_lock", true}, {"mutex_timedlock", true}, {"rwlock_", true}, {"spin_lock", true},
    {"lll_lock", true},	  {"cond_", false},	     {"sem_", false},	{"barrier_", false},
    {"_join", false},	  {"_once", false},
};

/* What libc calls it itself, "__GI___pthread_mutex_lock" or "__new_sem_wait_slow64.constprop.0", as
 * programs do. */
static void plain_name(char *plain, size_t bytes, const char *name)
{
	static const char *const ends[] = {"_slow64", "_slow", "_full64", "_full", "_common"};

	name += strncmp(name, "__GI_", 5) == 0 ? 5 : 0;
	name += strspn(name, "_");
	name += strncmp(name, "new_", 4) == 0 ? 4 : 0;
	snprintf(plain, bytes, "%.*s", (int)strcspn(name, ".@"), name);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t length = strlen(plain), end = strlen(ends[i]);
		if (length > end && strcmp(plain + length - end, ends[i]) == 0)
			plain[length - end] = '\0';
	}
}

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
			plain_name(waiter, bytes, stall->frames[i].symbol->name);
			found = true;
		}
	}
	return found;
}

/* Who has the lock: a worker of the trace, or another thread by its name. */
static char *blocker_text(const struct trace_process *process,
			  const struct trace_stall *stall_sample)
{
	char *text = NULL;
	int length = 0;

	for (size_t i = 0; i < process->worker_count; i++) {
		if (process->workers[i].tid != stall_sample->blocker ||
		    process->workers[i].role == TRACE_ROLE_OTHER)
			continue;
		length = asprintf(&text, ", held by worker %" PRIu32 " (%s)",
				  process->workers[i].worker, stall_sample->object);
		return length < 0 ? NULL : text;
	}
	length = asprintf(&text, ", held by thread %" PRIu32 " (%s)", stall_sample->blocker,
			  stall_sample->object);
	return length < 0 ? NULL : text;
}

static char *futex_text(const struct trace_process *process, struct symbols *symbols,
			const struct stall *stall, const char *waiter)
{
	const struct trace_stall *stall_sample = stall->stall_sample;
	char *variable = symbols_variable(symbols, stall_sample->arguments[0]);
	char *blocker = stall_sample->blocker ? blocker_text(process, stall_sample) : NULL;
	char *text = NULL;
	int length = variable
			 ? asprintf(&text, "%s(%s)%s", waiter, variable, blocker ? blocker : "")
			 : asprintf(&text, "%s(0x%" PRIx64 ")%s", waiter,
				    stall_sample->arguments[0], blocker ? blocker : "");

	free(variable);
	free(blocker);
	return length < 0 ? NULL : text;
}

static char *syscall_text(const struct trace_stall *stall_sample)
{
	const char *name = syscall_name(stall_sample->machine, stall_sample->syscall);
	enum syscall_role role = syscall_role(stall_sample->machine, stall_sample->syscall);
	bool is_path = role == SYSCALL_PATH || role == SYSCALL_AT_PATH;
	char *text = NULL;
	int length;

	if (!name)
		length = asprintf(&text, "system call %" PRId64, stall_sample->syscall);
	else if (*stall_sample->object)
		length =
		    asprintf(&text, is_path ? "%s(\"%s\")" : "%s(%s)", name, stall_sample->object);
	else
		length = asprintf(&text, "%s()", name);
	return length < 0 ? NULL : text;
}

/* Sleeps, and in what is known. */
static int asleep_say(const struct trace_process *process, struct symbols *symbols,
		      struct stall *stall)
{
	const struct trace_stall *stall_sample = stall->stall_sample;
	const char *name = syscall_name(stall_sample->machine, stall_sample->syscall);
	bool is_lock = stall_sample->blocker != 0;
	char waiter[64];

	stall->cause = STALL_SYSCALL;
	if (stall_sample->syscall < 0) {
		stall->what =
		    "a page fault: memory that had to be read from disk, or given by the kernel";
		return 0;
	}
	if (syscall_role(stall_sample->machine, stall_sample->syscall) == SYSCALL_FUTEX) {
		if (waiter_find(stall, &is_lock, waiter, sizeof(waiter)))
			name = waiter;
		stall->text = futex_text(process, symbols, stall, name);
		stall->cause = is_lock ? STALL_LOCK : STALL_SYSCALL;
	} else {
		stall->text = syscall_text(stall_sample);
	}
	stall->what = stall->text;
	return stall->text ? 0 : -ENOMEM;
}

/* The innermost function of the program itself, and what of libc it is in: "parse parse.c:12 (in
 * memcpy)". */
static char *place_text(const struct stall *stall)
{
	const struct symbol_info *own = NULL, *inner = NULL;
	char *text = NULL;
	int length = 0;

	if (stall->script.user)
		return stall_script_text(&stall->script);
	for (size_t i = 0; i < stall->frame_count && !own; i++) {
		const struct symbol_info *symbol = stall->frames[i].symbol;
		if (!is_libc(symbol))
			own = symbol;
		else if (symbol->named && !inner)
			inner = symbol;
	}
	if (own && inner)
		length = asprintf(&text, "%s (in %s)", own->text, inner->name);
	else if (own || inner)
		length = asprintf(&text, "%s", own ? own->text : inner->text);
	else
		text = strdup("");
	return length < 0 ? NULL : text;
}

/* Most of the callback's time so far went into this. */
static bool is_most(const struct trace_process *process, const struct stall *stall, uint64_t ns)
{
	uint64_t so_far = trace_ns(process, stall->tick) - trace_ns(process, stall->poll_tick);

	return stall->measured && ns > so_far / 2;
}

/* Where it was not stopped for the look, only the time that it used says that it computed. */
static int computed_say(const struct trace_process *process, struct stall *stall)
{
	stall->cause = STALL_CPU;
	if (is_most(process, stall, stall->wait_ns))
		stall->cause = STALL_DESCHEDULED;
	else if (!stall->stall_sample->register_count && !is_most(process, stall, stall->cpu_ns))
		stall->cause = STALL_UNKNOWN;
	stall->what = stall->text = place_text(stall);
	return stall->text ? 0 : -ENOMEM;
}

static int stall_say(const struct trace_process *process, struct symbols *symbols,
		     struct stall *stall)
{
	const struct trace_stall *stall_sample = stall->stall_sample;

	stall->what = "";
	if (stall_sample->sp && stall_sample->register_count == 0)
		return asleep_say(process, symbols, stall);
	if (stall_sample->state == 'R' || stall_sample->register_count > 0)
		return computed_say(process, stall);
	return 0;
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
static int futex_judge(const struct trace_process *process, struct stall *stall,
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
		return 0;
	free(stall->text);
	stall->cause = STALL_CPU;
	stall->what = stall->text = place_text(stall);
	return stall->text ? 0 : -ENOMEM;
}

/* Each look stands for the time since the one before. `last` is, by worker, the one before plus 1.
 */
static int stall_weigh(const struct trace_process *process, struct stalls *stalls, size_t at,
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
	return futex_judge(process, stall, before);
}

/* The last one stands for what came after it too, as far as that is known. */
static int stalls_weigh(const struct timeline *timeline, struct stalls *stalls)
{
	size_t *last = calloc(timeline->process->worker_count + 1, sizeof(*last));
	int error = last ? 0 : -ENOMEM;

	for (size_t i = 0; error == 0 && i < stalls->count; i++)
		error = stall_weigh(timeline->process, stalls, i, last);
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
				.what = "",
				.stall_sample = stall_sample};
	int error = stall_scripts_read(symbols, stall);
	stall_measure(process, stall);
	return error ? error : stall_say(process, symbols, stall);
}

void stall_clear(struct stall *stall)
{
	free(stall->text);
	free(stall->script.call_name);
	free(stall->frames);
}

/* Looks at threads that the trace knows nothing else of say nothing about the program's callbacks.
 */
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
