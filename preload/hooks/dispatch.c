/* SPDX-License-Identifier: Apache-2.0
 *
 * Every thunk jumps here: PollStart, the user's callback, PollEnd. This is the hottest code of all.
 *
 * Rules: two clock reads, and no call except the callback's own. The callback may free the handle,
 * the request and the loop. It may leave by an exception, longjmp or exit, or return on another
 * thread. So nothing of `a` is read afterwards, and the thread is looked up again. Compiled with
 * unwind tables, because exceptions pass through.
 */
#include "dispatch.h"

#include "libuv/libuv_copy.h"
#include "program/process.h"
#include "site.h"
#include "program/thread.h"
#include "program/hotpath.h"

#define STATUS_MIN (-4095) /* UV_EOF and the like; others are -errno */

/* Of callbacks that have a status as their second argument; others have anything there. */
static inline bool status_is_error(const void *status)
{
	return (uint32_t)(uintptr_t)status >= (uint32_t)STATUS_MIN;
}

static enum trace_role role_of(const struct site *site)
{
	return site->kind == KIND_WORK ? TRACE_ROLE_POOL : TRACE_ROLE_LOOP;
}

/* The handle that an error ends which its own callback, or that of a request on it, is told. */
static const void *ended_handle(const void *a, const struct site *site)
{
	switch (site->kind) {
	case KIND_READ:
	case KIND_UDP_RECV:
	case KIND_POLL:
		return a;
	case KIND_CONNECT:
		return ((const uv_connect_t *)a)->handle;
	case KIND_WRITE:
		return ((const uv_write_t *)a)->handle;
	default:
		return NULL;
	}
}

/* The callback that begins is told of an error. */
__attribute__((noinline, cold)) static void dispatch_failed(struct thread *thread, void *a,
							    int status, const struct site *site)
{
	bool is_cancelled = status == UV_ECANCELED;
	const void *object = !is_cancelled ? ended_handle(a, site) : site->has_status ? a : NULL;
	struct thread *scratch = object ? thread_reserve(1, thread->role) : NULL;

	if (scratch)
		thread_put(scratch, scratch->last_counter,
			   trace_word((uintptr_t)object,
				      is_cancelled ? TRACE_REQUEST_CANCELLED : TRACE_HANDLE_END));
}

/* For a libuv whose own calls do not reach us. `request` may be freed. */
__attribute__((noinline, cold)) static void dispatch_item_end(const void *request,
							      const struct site *site)
{
	struct thread *thread = thread_current;
	uint64_t object;

	if (!thread->ring)
		return;
	object = (uintptr_t)request + thread->shared->work_req_offset[KIND_AFTER_WORK];
	atomic_fetch_add_explicit(&thread->ring->pool_finished, 1, memory_order_relaxed);
	if (site->kind == KIND_WORK && thread_reserve(1, TRACE_ROLE_POOL))
		thread_put(thread, thread->last_counter, trace_word(object, TRACE_ITEM_END));
}

/* Ends a callback that left other frames open above it, or with which a pool item ends. */
__attribute__((noinline, cold)) static void dispatch_end(uint32_t depth, const void *a,
							 const struct site *site)
{
	thread_pop(thread_current, depth, TRACE_POLL_END);
	if (site->ends_item)
		dispatch_item_end(a, site);
}

/* Whether a timer's due time is still to be told: libuv may set it off unseen where it is in the
 * executable. One that does not repeat keeps the time; the others were told by uv_timer_start or
 * uv_timer_again. */
static bool due_is_untold(const struct thread *thread, const struct site *site, const void *a)
{
	const uv_timer_t *timer = a;

	return site->due_unseen && thread->due_told != timer && !timer->repeat;
}

/* Sections of their own, whose ends the linker knows: see dispatch_true_caller. */
#define DISPATCH_SECTION __attribute__((section("uvtrace_dispatch")))

/* The uncommon cases: no room, another clock, frames without a return, a request or handle
 * that failed, a timer of a libuv in the executable. */
DISPATCH_SECTION __attribute__((noinline)) static void
dispatch_slow(void *a, void *b, void *c, void *d, void *e, const struct site *site)
{
	uint32_t code = atomic_load_explicit(&site->code, memory_order_relaxed);
	bool due = due_is_untold(thread_current, site, a);
	struct thread *thread = thread_reserve(2 + due, role_of(site));
	int depth = -1;

	if (thread && due)
		thread_put(thread, thread->last_counter,
			   trace_word(((const uv_timer_t *)a)->timeout, TRACE_TIMER_DUE));
	if (thread) {
		thread->due_told = NULL;
		depth = thread_push(thread, thread_sp(), clock_read(thread->clock),
				    trace_word((uintptr_t)a, code));
	}
	if (thread && status_is_error(b))
		dispatch_failed(thread, a, (int)(intptr_t)b, site);
	site->callback(a, b, c, d, e);
	if (depth >= 0)
		dispatch_end(depth, a, site);
	else if (site->ends_item)
		dispatch_item_end(a, site);
}

/* Whether the callback may be recorded without further checks. */
static inline bool dispatch_is_plain(const struct thread *thread, const void *status)
{
	uint32_t depth = thread->depth;

	return thread->head < thread->limit && thread_enabled(thread) &&
	       thread->clock == TRACE_CLOCK_TSC && depth < TRACE_DEPTH_MAX &&
	       (!depth || thread->frames[depth - 1].sp > thread_sp()) && !status_is_error(status);
}

DISPATCH_SECTION __attribute__((noinline)) static void
dispatch_plain(void *a, void *b, void *c, void *d, void *e, const struct site *site)
{
	struct thread *thread = thread_current;
	uint32_t depth = thread->depth;

	thread_open(
	    thread, thread_sp(), clock_counter(),
	    trace_word((uintptr_t)a, atomic_load_explicit(&site->code, memory_order_relaxed)));
	site->callback(a, b, c, d, e);
	thread = thread_current;
	if (unlikely(thread->depth != depth + 1 || site->ends_item)) {
		dispatch_end(depth, a, site);
		return;
	}
	thread->depth = depth;
	thread_put(thread, clock_counter(), TRACE_POLL_END);
}

DISPATCH_SECTION __attribute__((noinline)) static void
dispatch_off(void *a, void *b, void *c, void *d, void *e, const struct site *site)
{
	site->callback(a, b, c, d, e);
	if (unlikely(site->ends_item))
		dispatch_item_end(a, site);
}

/* Chooses and tail-calls, so it needs no stack of its own. */
DISPATCH_SECTION void dispatch(void *a, void *b, void *c, void *d, void *e, const struct site *site)
{
	const struct thread *thread = thread_current;

	if (likely(dispatch_is_plain(thread, b) && !site->due_unseen))
		dispatch_plain(a, b, c, d, e, site);
	else if (thread->ring && !thread_enabled(thread))
		dispatch_off(a, b, c, d, e, site);
	else
		dispatch_slow(a, b, c, d, e, site);
}

void *libuv_true_caller(void *caller)
{
	return dispatch_true_caller(caller);
}

void *dispatch_tail_caller(void *caller)
{
	const struct thread *thread = thread_current;
	uint32_t site;

	if (!thread->depth)
		return caller;
	site = trace_word_code(thread->frames[thread->depth - 1].word) - TRACE_CODE_POLL;
	return site < TRACE_SITES_MAX ? (char *)site_table[site].callback + 1 : caller;
}
