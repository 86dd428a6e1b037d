/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop and its waits: uv_run, epoll_wait, epoll_pwait. A park is a wait on the backend fd of
 * this thread's innermost uv_run with a timeout other than 0. Any other wait of the program passes
 * through untouched.
 *
 * Tier "libc": if libuv is linked into the program and cannot be patched, uv_run never reaches the
 * wrapper.
 * Then every thread that waits in epoll is taken for a loop worker. Only its parks, unparks and the
 * iterations between them are visible.
 */
#include <errno.h>

#include "hooks.h"
#include "libuv/libc_functions.h"
#include "libuv/libuv_copy.h"
#include "libuv/static_libuv.h"
#include "program/hotpath.h"

EXPORT int uv_run(uv_loop_t *loop, uv_run_mode mode)
{
	__typeof__(&uv_run) real =
	    REAL(uv_run); /* first: what is recorded says which libuv it is */
	struct thread *thread = thread_current;
	uint64_t object = (uintptr_t)loop;
	void *outer;
	int depth = -1;
	int rc;

	if (!real)
		return UV_ENOSYS;
	if (!thread->ring)
		thread = thread_register(TRACE_ROLE_LOOP);
	if (!thread->ring)
		return real(loop, mode);
	outer = thread->loop;
	if (unlikely(!atomic_load_explicit(&process->helper, memory_order_relaxed)))
		supervisor_start();
	thread->loop = thread_loop = loop;
	if (thread_reserve(2, TRACE_ROLE_LOOP))
		depth = thread_push(thread, thread_sp(), clock_read(thread->clock),
				    trace_word(object, TRACE_LOOP_ENTER));
	supervisor_wake_if_asleep(
	    thread->shared); /* its first callbacks may come before it waits */
	rc = real(loop, mode);
	thread = thread_current;
	thread_loop = outer;
	if (likely(thread->ring != NULL)) {
		thread->loop = outer;
		if (depth >= 0)
			thread_pop(thread, depth, trace_word(object, TRACE_LOOP_LEAVE));
		if (rc == 0 && !outer)
			supervisor_loop_ended();
	}
	return rc;
}

static void loop_sample(struct thread *thread)
{
	const uv_loop_t *loop = thread->loop;

	if (!loop)
		return;
	atomic_store_explicit(&thread->ring->active_reqs, loop->active_reqs.count,
			      memory_order_relaxed);
	atomic_store_explicit(&thread->ring->active_handles, loop->active_handles,
			      memory_order_relaxed);
}

/* Before a wait of this thread's loop. True if the park was recorded, and so the unpark must be. */
static bool loop_park(struct thread *thread, int timeout)
{
	loop_sample(thread);
	if (timeout == 0 || !thread_reserve(2, TRACE_ROLE_LOOP))
		return false;
	thread_heal(thread, thread_sp());
	thread_put(thread, clock_read(thread->clock), TRACE_PARK);
	supervisor_wake_if_asleep(thread->shared);
	return true;
}

static void loop_unpark(int timeout, bool parked, int ready)
{
	struct thread *thread = thread_current;
	uint64_t object = ready > 0 ? ready : 0;

	if (!thread->ring)
		return;
	atomic_store_explicit(&thread->ring->ready, object, memory_order_relaxed);
	if (parked) {
		thread_put(thread, clock_read(thread->clock), trace_word(object, TRACE_UNPARK));
		supervisor_wake_if_asleep(thread->shared);
	} else if (timeout == 0) {
		hooks_emit(true, trace_word(object, TRACE_TURN));
	}
	thread->wait_counter = thread->last_counter;
}

/* The first wait of a thread whose libuv is linked into the program. */
__attribute__((noinline, cold)) static bool libc_tier_wait(struct thread *thread)
{
	if (!thread->ring)
		thread = thread_register(TRACE_ROLE_LOOP);
	if (thread->ring && !atomic_load_explicit(&process->helper, memory_order_relaxed))
		supervisor_start();
	return thread->ring != NULL;
}

static bool is_loop_wait(struct thread *thread, int epfd)
{
	if (likely(thread->loop != NULL))
		return ((const uv_loop_t *)thread->loop)->backend_fd == epfd;
	return unlikely(static_libuv_is_unseen()) && libc_tier_wait(thread);
}

/* The first thing that uv_loop_init does which can be seen from outside. */
EXPORT int epoll_create1(int flags)
{
	libuv_copy_loop_begins(CALLER);
	return libc_epoll_create1(flags);
}

EXPORT int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	bool parked;
	int rc;

	if (!is_loop_wait(thread_current, epfd))
		return libc_epoll_wait(epfd, events, max, timeout);
	parked = loop_park(thread_current, timeout);
	rc = libc_epoll_wait(epfd, events, max, timeout);
	loop_unpark(timeout, parked, rc);
	return rc;
}

EXPORT int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
		       const sigset_t *mask)
{
	bool parked;
	int rc;

	if (!is_loop_wait(thread_current, epfd))
		return libc_epoll_pwait(epfd, events, max, timeout, mask);
	parked = loop_park(thread_current, timeout);
	rc = libc_epoll_pwait(epfd, events, max, timeout, mask);
	loop_unpark(timeout, parked, rc);
	return rc;
}
