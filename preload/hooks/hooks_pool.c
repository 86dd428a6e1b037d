/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pool. Its threads are those whose entry function is libuv's own code. They park in
 * pthread_cond_wait, called by libuv. Each item ends with uv_async_send on its loop's wq_async,
 * when the last entry of loop->wq is that item. So the items of fs, dns and random are visible too,
 * although their work functions are libuv's own. If libuv's calls of its own functions do not reach
 * us (-Bsymbolic-functions), dispatch.c ends the items.
 *
 * Rules: uv_async_send may be called in a signal handler. Depth = submitted - cancelled - finished
 * - running, counted in each thread's own ring and summed by the drain.
 */
#include <pthread.h>
#include <stddef.h>

#include "hooks.h"
#include "hooks_pool.h"
#include "format/trace_tables.h"
#include "libuv/libc_functions.h"
#include "libuv/libuv_copy.h"
#include "program/hotpath.h"

#define POOL_THREADS_MAX 1024 /* libuv's own limit */

struct pool_start {
	_Atomic bool taken;
	void *(*entry)(void *);
	void *arg;
};

static struct pool_start pool_starts[POOL_THREADS_MAX];

/* The first function of a pool thread: it becomes a worker before its first item. */
static void *pool_thread(void *arg)
{
	struct pool_start *slot = arg;
	struct pool_start start = {.entry = slot->entry, .arg = slot->arg};

	atomic_store(&slot->taken, false);
	thread_register(TRACE_ROLE_POOL);
	return start.entry(start.arg);
}

static struct pool_start *pool_start_take(void *(*entry)(void *), void *arg)
{
	for (int i = 0; i < POOL_THREADS_MAX; i++) {
		bool expected = false;

		if (!atomic_compare_exchange_strong(&pool_starts[i].taken, &expected, true))
			continue;
		pool_starts[i].entry = entry;
		pool_starts[i].arg = arg;
		return &pool_starts[i];
	}
	return NULL;
}

EXPORT int pthread_create(pthread_t *tid, const pthread_attr_t *attr, void *(*entry)(void *),
			  void *arg)
{
	struct pool_start *start = NULL;
	int rc;

	if (libuv_is_text((void *)entry))
		start = pool_start_take(entry, arg);
	if (!start)
		return libc_pthread_create(tid, attr, entry, arg);
	rc = libc_pthread_create(tid, attr, pool_thread, start);
	if (rc)
		atomic_store(&start->taken, false);
	return rc;
}

/* A wait by a work function itself is inside its callback: the depth is then not 0. */
EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	struct thread *thread = thread_current;
	bool parked;
	int rc;

	if (likely(thread->role != TRACE_ROLE_POOL) || thread->depth || !libuv_is_text(CALLER))
		return libc_pthread_cond_wait(cond, mutex);
	parked = thread_reserve(2, TRACE_ROLE_POOL);
	if (parked)
		thread_put(thread, clock_read(thread->clock), TRACE_PARK);
	atomic_store_explicit(&thread->ring->pool_parked, 1, memory_order_relaxed);
	rc = libc_pthread_cond_wait(cond, mutex);
	atomic_store_explicit(&thread->ring->pool_parked, 0, memory_order_relaxed);
	if (!parked)
		return rc;
	thread_put(thread, clock_read(thread->clock), TRACE_UNPARK);
	supervisor_wake_if_asleep(thread->shared);
	return rc;
}

/* We are under the loop's wq_mutex, and the item that just ended is the last entry of loop->wq. */
static void pool_item_end(struct thread *thread, const uv_loop_t *loop)
{
	const char *entry = ((void *const *)&loop->wq)[1];

	thread_add(&thread->ring->pool_finished, 1);
	hooks_emit(true,
		   trace_word((uintptr_t)entry - offsetof(struct uv__work, wq), TRACE_ITEM_END));
}

EXPORT int uv_async_send(uv_async_t *handle)
{
	struct thread *thread = thread_current;
	uint64_t word = trace_word((uintptr_t)handle, TRACE_ASYNC_SEND);

	if (unlikely(!REAL(uv_async_send)))
		return UV_ENOSYS;
	if (!thread->ring) {
		if (!libuv_is_text(CALLER))
			thread_foreign_emit(&word, 1);
		return REAL(uv_async_send)(handle);
	}
	if (thread->busy)
		thread_count_lost(thread, RING_LOST_REENTRANT, 1);
	else if (!libuv_is_text(CALLER))
		hooks_emit(true, word);
	else if (thread->role == TRACE_ROLE_POOL && handle == &handle->loop->wq_async)
		pool_item_end(thread, handle->loop);
	return REAL(uv_async_send)(handle);
}

EXPORT int uv_cancel(uv_req_t *req)
{
	int rc = REAL_CALL(uv_cancel, req);
	struct thread *thread = thread_current;

	if (rc == 0 && thread->ring) {
		thread_add(&thread->ring->pool_cancelled, 1);
		hooks_emit(true, trace_word((uintptr_t)req, TRACE_REQUEST_CANCELLED));
	}
	return rc;
}

EXPORT int uv_queue_work(uv_loop_t *loop, uv_work_t *req, uv_work_cb work, uv_after_work_cb after)
{
	struct call scratch;
	uv_work_cb work_thunk = (uv_work_cb)CALL(&scratch, uv_queue_work, WORK, work)->thunk;
	struct submit submit = POOL_SUBMIT(uv_queue_work, AFTER_WORK, after);
	uv_after_work_cb after_thunk = (uv_after_work_cb)submit.callback;

	return pool_submit_end(
	    &submit, req, CALL_REAL(&submit, uv_queue_work, loop, req, work_thunk, after_thunk));
}

EXPORT int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
			  const char *node, const char *service, const struct addrinfo *hints)
{
	struct submit submit;

	if (!cb) /* synchronous */
		return REAL_CALL(uv_getaddrinfo, loop, req, cb, node, service, hints);
	submit = POOL_SUBMIT(uv_getaddrinfo, GETADDRINFO, cb);
	cb = (uv_getaddrinfo_cb)submit.callback;
	return pool_submit_end(
	    &submit, req, CALL_REAL(&submit, uv_getaddrinfo, loop, req, cb, node, service, hints));
}

EXPORT int uv_getnameinfo(uv_loop_t *loop, uv_getnameinfo_t *req, uv_getnameinfo_cb cb,
			  const struct sockaddr *address, int flags)
{
	struct submit submit;

	if (!cb)
		return REAL_CALL(uv_getnameinfo, loop, req, cb, address, flags);
	submit = POOL_SUBMIT(uv_getnameinfo, GETNAMEINFO, cb);
	cb = (uv_getnameinfo_cb)submit.callback;
	return pool_submit_end(&submit, req,
			       CALL_REAL(&submit, uv_getnameinfo, loop, req, cb, address, flags));
}

EXPORT int uv_random(uv_loop_t *loop, uv_random_t *req, void *buffer, size_t bytes,
		     unsigned int flags, uv_random_cb cb)
{
	struct submit submit;

	if (!cb)
		return REAL_CALL(uv_random, loop, req, buffer, bytes, flags, cb);
	submit = POOL_SUBMIT(uv_random, RANDOM, cb);
	cb = (uv_random_cb)submit.callback;
	return pool_submit_end(&submit, req,
			       CALL_REAL(&submit, uv_random, loop, req, buffer, bytes, flags, cb));
}
