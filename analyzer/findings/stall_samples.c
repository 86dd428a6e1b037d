/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall_samples.h.
 */
#include <stdlib.h>
#include <string.h>

#include "stall_samples.h"
#include "stall_scripts.h"

/* One function of the program called the same: it computes there, waits for the garbage collector's
 * threads, or for a CPU, and that is one cause. */
static bool same_call(const struct stall *a, const struct stall *b)
{
	const char *x = a->script.call_name, *y = b->script.call_name;

	return a->script.user && b->script.user && x && y && strcmp(x, y) == 0 &&
	       stall_same_function(a, b);
}

bool stall_same_kind(const struct stall *a, const struct stall *b)
{
	if (same_call(a, b))
		return true;
	return a->cause == b->cause && stall_same_function(a, b) &&
	       (a->cause != STALL_SYSCALL || a->stall_sample->syscall == b->stall_sample->syscall);
}

bool stall_is_exit(const struct stall *stall)
{
	static const char *const names[] = {"exit", "__run_exit_handlers", "quick_exit", "_dl_fini",
					    "_Exit"};

	for (size_t i = 0; i < stall->frame_count; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (strcmp(stall->frames[i].symbol->name, names[k]) == 0)
				return true;
	return false;
}

bool stall_tells_more(const struct stall *a, const struct stall *b)
{
	if ((a->script.user != NULL) != (b->script.user != NULL))
		return a->script.user != NULL;
	return a->ticks > b->ticks;
}

static bool same_run(const struct stall *a, const struct stall *b)
{
	return a->poll_tick == b->poll_tick && a->worker == b->worker;
}

static bool names_cause(const struct stall *stall)
{
	return stall->cause == STALL_SYSCALL || stall->cause == STALL_LOCK ||
	       stall->cause == STALL_CPU;
}

/* Of the samples first to last, those of the run of the last: the heaviest of the kind that most
 * of it was spent in.
 */
static const struct stall *run_seen(const struct stall *list, size_t first, size_t last)
{
	const struct stall *best = NULL;
	uint64_t most = 0;

	for (size_t i = first; i <= last; i++) {
		uint64_t ticks = 0;
		if (!same_run(&list[i], &list[last]) || !names_cause(&list[i]))
			continue;
		for (size_t k = first; k <= last; k++)
			ticks +=
			    same_run(&list[k], &list[last]) && stall_same_kind(&list[k], &list[i])
				? list[k].ticks
				: 0;
		if (!best || ticks > most || (ticks == most && stall_tells_more(&list[i], best)))
			best = &list[i];
		most = ticks > most ? ticks : most;
	}
	return best;
}

/* They are in the order of time: a run's samples lie behind its begin. */
bool stall_samples_judge(struct stall_samples *stall_samples)
{
	stall_samples->seen = calloc(stall_samples->count + 1, sizeof(*stall_samples->seen));
	for (size_t last = stall_samples->count; stall_samples->seen && last-- > 0;) {
		size_t first = last;
		if (stall_samples->seen[last])
			continue;
		while (first > 0 &&
		       stall_samples->list[first - 1].tick >= stall_samples->list[last].poll_tick)
			first--;
		const struct stall *seen = run_seen(stall_samples->list, first, last);
		for (size_t i = first; i <= last; i++)
			if (same_run(&stall_samples->list[i], &stall_samples->list[last]))
				stall_samples->seen[i] = seen;
	}
	return stall_samples->seen != NULL;
}

const struct stall *stall_samples_seen(const struct stall_samples *stall_samples,
				       const struct timeline_span *span)
{
	for (size_t i = 0; i < stall_samples->count; i++)
		if (stall_samples->list[i].poll_tick == span->tick &&
		    stall_samples->list[i].worker == span->worker)
			return stall_samples->seen[i];
	return NULL;
}
