/* SPDX-License-Identifier: Apache-2.0
 *
 * What the wrappers share. There are three shapes. A handle's wrapper gives libuv the site's thunk.
 * A request's wrapper is submit_begin, the real call, submit_end. uv_run pushes and pops; a wait
 * puts a park and an unpark.
 */
#ifndef HOOKS_H
#define HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "call_cache.h"
#include "program/process.h"
#include "program/supervisor.h"
#include "libuv/libuv_copy.h"
#include "ring/shared.h"
#include "site.h"
#include "program/thread.h"

/* Fills in what only the hooks know of libuv: version, path, offsets. Slow. */
void hooks_describe(struct shared *shared);

/* What this call of `name` comes to, with that callback. */
#define CALL(scratch, name, kind, callback)                                                        \
	call_find(scratch, CALL_KEY(KIND_##kind, REAL_##name), (void *)(callback), CALLER)

struct submit {
	struct thread *thread; /* NULL: nothing to record */
	void *callback;	       /* what to give libuv */
	void *real;	       /* libuv's function, NULL if it has none */
	uint64_t counter;
	uint32_t code;
};

/* Begins the submission of a request. `exact`: the request may wait in the pool's queue, so its
 * time is read now; others take the time of the thread's newest event. */
static inline struct submit submit_begin(uint32_t key, void *callback, void *caller, bool exact)
{
	struct call scratch;
	const struct call *call = call_find(&scratch, key, callback, caller);
	struct submit submit = {.callback = call->thunk, .real = call->real, .code = call->code};
	struct thread *thread = thread_current;

	/* libuv's functions call each other: only the outermost counts. */
	if (__builtin_expect(!!(!call->code || thread->submitting), 0))
		return submit;
	if (__builtin_expect(!thread->ring, 0) &&
	    !(thread = thread_register(TRACE_ROLE_LOOP))->ring)
		return submit;
	submit.thread = thread;
	submit.counter = exact || !thread->depth ? clock_read(thread->clock) : thread->last_counter;
	thread->submitting = true;
	return submit;
}

static inline int submit_end(const struct submit *submit, const void *request, int rc)
{
	struct thread *thread = submit->thread;

	if (!thread)
		return rc;
	thread->submitting = false;
	if (rc == 0 && thread_reserve(1, thread->role))
		thread_put(thread, submit->counter, trace_word((uintptr_t)request, submit->code));
	return rc;
}

/* The real call, of a struct call or submit. */
#define CALL_REAL(call, name, ...)                                                                 \
	(__builtin_expect((call)->real != NULL, 1)                                                 \
	     ? ((__typeof__(&name))(call)->real)(__VA_ARGS__)                                      \
	     : UV_ENOSYS)

/* One event of this thread, now or (not `exact`) at the time read last. */
static inline void hooks_emit(bool exact, uint64_t word)
{
	struct thread *thread =
	    thread_current->ring ? thread_reserve(1, thread_current->role) : NULL;

	if (thread)
		thread_put(thread,
			   exact || !thread->depth ? clock_read(thread->clock)
						   : thread->last_counter,
			   word);
}

#endif
