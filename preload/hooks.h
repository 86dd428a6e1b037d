/* SPDX-License-Identifier: Apache-2.0
 *
 * What the wrappers share. Shapes: a handle's wrapper gives libuv the site's thunk and that is all; a request's
 * wrapper is submit_begin, the real call, submit_end; uv_run and the waits push and pop.
 */
#ifndef HOOKS_H
#define HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "process.h"
#include "real.h"
#include "shared.h"
#include "site.h"
#include "thread.h"

/* Fills in what only the hooks know of libuv: version, path, offsets. Slow. */
void hooks_describe(struct shared *shared);

struct submit {
	struct thread *thread; /* NULL: nothing to record */
	const struct site *site;
	void *callback; /* what to give libuv */
	uint64_t counter;
};

/* Begins the submission of a request. `exact`: the request may wait in the pool's queue, so its time is read now;
 * others take the time of the poll that they are submitted in. libuv's wrappers call each other (uv_write ->
 * uv_write2): only the outermost counts. */
static inline struct submit submit_begin(enum trace_kind kind, void *callback, void *caller, bool exact)
{
	struct thread *thread = thread_current;
	struct submit submit = {.callback = callback};

	if (thread->submitting || site_is_thunk(callback))
		return submit;
	if (!thread->ring) {
		real_find(caller); /* what is recorded says which libuv it is */
		thread = thread_register(TRACE_ROLE_LOOP);
	}
	submit.site = site_get(kind, callback, caller);
	if (!submit.site)
		return submit;
	if (callback && !submit.site->is_uv)
		submit.callback = site_thunk(submit.site);
	if (!thread->ring)
		return submit;
	submit.thread = thread;
	submit.counter = exact || !thread->depth ? clock_read(thread->clock) : thread->last_counter;
	thread->submitting = true;
	return submit;
}

static inline int submit_end(const struct submit *submit, const void *request, int rc)
{
	struct thread *thread = submit->thread;
	uint32_t code;

	if (!thread)
		return rc;
	thread->submitting = false;
	if (rc == 0 && thread_reserve(1, thread->role)) {
		code = atomic_load_explicit(&submit->site->code, memory_order_relaxed) - TRACE_CODE_POLL +
		       TRACE_CODE_SUBMIT;
		thread_put(thread, submit->counter, trace_word((uintptr_t)request, code));
	}
	return rc;
}

/* One event of this thread, now or (not `exact`) at the time read last. */
static inline void hooks_emit(bool exact, uint64_t word)
{
	struct thread *thread = thread_current->ring ? thread_reserve(1, thread_current->role) : NULL;

	if (thread)
		thread_put(thread, exact || !thread->depth ? clock_read(thread->clock) : thread->last_counter, word);
}

#endif
