/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles: each wrapper gives libuv a thunk in place of the callback and forwards the call. That a
 * handle was started is told where it was at rest before, or had another callback. Timers also
 * record when they are due.
 */
#include <stddef.h>

#include "program/config.h"
#include "hooks.h"
#include "libuv/libuv_copy.h"
#include "program/hotpath.h"

/* Calls libuv's function with these arguments, among them `thunk`, which stands for the callback.
 */
#define REGISTER(name, kind, type, callback, ...)                                                  \
	({                                                                                         \
		struct call scratch;                                                               \
		const struct call *call = CALL(&scratch, name, kind, callback);                    \
		type thunk = (type)call->thunk;                                                    \
                                                                                                   \
		CALL_REAL(call, name, __VA_ARGS__);                                                \
	})

/* The same, and tells that `handle` is started. `same`: it has this callback already. */
#define START(name, kind, type, handle, same, callback, ...)                                       \
	({                                                                                         \
		struct call scratch;                                                               \
		const struct call *call = CALL(&scratch, name, kind, callback);                    \
		type thunk = (type)call->thunk;                                                    \
		uint32_t code = call->code && (handle) && (same) && is_active(handle)              \
				    ? 0                                                            \
				    : (uint32_t)call->code;                                        \
		int result = CALL_REAL(call, name, __VA_ARGS__);                                   \
                                                                                                   \
		if (result == 0 && code)                                                           \
			hooks_emit(false, trace_word((uintptr_t)(handle), code));                  \
		result;                                                                            \
	})

/* Of the copy that was just looked up. */
static bool is_active(const void *handle)
{
	__typeof__(&uv_is_active) function = REAL_AGAIN(uv_is_active);

	return function && function(handle);
}

/* A timer is set relative to uv_now, which libuv updates after each wait. If that is long ago, the
 * timer is due sooner than its caller meant. */
#define STALE_UNITS (1 << 17) /* of counter >> unit_shift: 1 to 2 ms */

static void timer_stale(const uv_timer_t *handle)
{
	struct thread *thread =
	    thread_current->ring ? thread_reserve(3, thread_current->role) : NULL;
	uint64_t counter = thread ? clock_read(thread->clock) : 0;

	if (!thread || counter - thread->wait_counter < (uint64_t)STALE_UNITS
							    << thread->shared->unit_shift)
		return;
	thread_put(thread, counter, trace_word(handle->loop->time, TRACE_LOOP_TIME));
	thread_put(thread, counter, trace_word(handle->timeout, TRACE_TIMER_DUE));
	thread_put(thread, counter, trace_word((uintptr_t)handle, TRACE_TIMER_START));
}

static void timer_started(const uv_timer_t *handle, bool tells_repeat)
{
	if (tells_repeat)
		hooks_emit(false, trace_word((uintptr_t)handle, TRACE_TIMER_REPEATS));
	timer_stale(handle);
}

/* A timer's callback follows, and libuv has not set its next time yet: handle->timeout is when it
 * was due. Costs no clock read. */
static void timer_fires(const uv_timer_t *handle)
{
	struct thread *thread = thread_current;

	hooks_emit(false, trace_word(handle->timeout, TRACE_TIMER_DUE));
	if (thread->ring && thread_enabled(thread))
		thread->due_told = handle;
}

/* libuv itself calls this for a repeating timer that is due, where the compiler has put
 * uv_timer_again into the function that runs timers. */
EXPORT int uv_timer_start(uv_timer_t *handle, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
	bool by_libuv = libuv_is_text(CALLER);
	int rc;

	if (by_libuv && !thread_current->timer_again && site_is_thunk((void *)cb))
		timer_fires(handle);
	rc = START(uv_timer_start, TIMER, uv_timer_cb, handle,
		   handle->timer_cb == thunk && !handle->repeat == !repeat, cb, handle, thunk,
		   timeout, repeat);
	if (rc == 0 && !by_libuv)
		timer_started(handle, repeat);
	return rc;
}

/* libuv calls this for each due timer, just before its callback. */
EXPORT int uv_timer_again(uv_timer_t *handle)
{
	bool fires = libuv_is_text(CALLER);
	bool recorded = thread_current->ring;
	int rc;

	if (fires && site_is_thunk((void *)handle->timer_cb))
		timer_fires(handle);
	if (recorded)
		thread_current->timer_again = true;
	rc = REAL_CALL(uv_timer_again, handle);
	if (recorded)
		thread_current->timer_again = false;
	if (rc == 0 && !fires)
		timer_started(handle, false);
	return rc;
}

EXPORT int uv_idle_start(uv_idle_t *handle, uv_idle_cb cb)
{
	return START(uv_idle_start, IDLE, uv_idle_cb, handle, handle->idle_cb == thunk, cb, handle,
		     thunk);
}

EXPORT int uv_prepare_start(uv_prepare_t *handle, uv_prepare_cb cb)
{
	return START(uv_prepare_start, PREPARE, uv_prepare_cb, handle, handle->prepare_cb == thunk,
		     cb, handle, thunk);
}

EXPORT int uv_check_start(uv_check_t *handle, uv_check_cb cb)
{
	return START(uv_check_start, CHECK, uv_check_cb, handle, handle->check_cb == thunk, cb,
		     handle, thunk);
}

EXPORT int uv_async_init(uv_loop_t *loop, uv_async_t *handle, uv_async_cb cb)
{
	int rc = START(uv_async_init, ASYNC, uv_async_cb, handle, false, cb, loop, handle, thunk);

	/* uv_loop_init does so, before there is anything else to see. */
	if (libuv_is_text(CALLER) && libuv_is_text((void *)cb))
		libuv_own_calls_seen = true;
	return rc;
}

EXPORT int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb cb)
{
	return START(uv_poll_start, POLL, uv_poll_cb, handle, handle->poll_cb == thunk, cb, handle,
		     events, thunk);
}

EXPORT int uv_signal_start(uv_signal_t *handle, uv_signal_cb cb, int signum)
{
	return START(uv_signal_start, SIGNAL, uv_signal_cb, handle, handle->signal_cb == thunk, cb,
		     handle, thunk, signum);
}

EXPORT int uv_signal_start_oneshot(uv_signal_t *handle, uv_signal_cb cb, int signum)
{
	return START(uv_signal_start_oneshot, SIGNAL, uv_signal_cb, handle,
		     handle->signal_cb == thunk, cb, handle, thunk, signum);
}

EXPORT int uv_fs_event_start(uv_fs_event_t *handle, uv_fs_event_cb cb, const char *path,
			     unsigned int flags)
{
	return START(uv_fs_event_start, FS_EVENT, uv_fs_event_cb, handle, handle->cb == thunk, cb,
		     handle, thunk, path, flags);
}

EXPORT int uv_fs_poll_start(uv_fs_poll_t *handle, uv_fs_poll_cb cb, const char *path,
			    unsigned int interval)
{
	return START(uv_fs_poll_start, FS_POLL, uv_fs_poll_cb, handle, true, cb, handle, thunk,
		     path, interval);
}

EXPORT int uv_read_start(uv_stream_t *handle, uv_alloc_cb alloc, uv_read_cb cb)
{
	struct call alloc_room;

	if (config.alloc)
		alloc = (uv_alloc_cb)CALL(&alloc_room, uv_read_start, ALLOC, alloc)->thunk;
	return START(uv_read_start, READ, uv_read_cb, handle, handle->read_cb == thunk, cb, handle,
		     alloc, thunk);
}

EXPORT int uv_udp_recv_start(uv_udp_t *handle, uv_alloc_cb alloc, uv_udp_recv_cb cb)
{
	struct call alloc_room;

	if (config.alloc)
		alloc = (uv_alloc_cb)CALL(&alloc_room, uv_udp_recv_start, ALLOC, alloc)->thunk;
	return START(uv_udp_recv_start, UDP_RECV, uv_udp_recv_cb, handle, handle->recv_cb == thunk,
		     cb, handle, alloc, thunk);
}

EXPORT int uv_listen(uv_stream_t *handle, int backlog, uv_connection_cb cb)
{
	return START(uv_listen, CONNECTION, uv_connection_cb, handle,
		     handle->connection_cb == thunk, cb, handle, backlog, thunk);
}

/* The options belong to the caller: the callback is replaced in a copy. */
EXPORT int uv_spawn(uv_loop_t *loop, uv_process_t *handle, const uv_process_options_t *options)
{
	uv_process_options_t copy = *options;
	struct call scratch;
	const struct call *call = CALL(&scratch, uv_spawn, PROCESS_EXIT, options->exit_cb);
	uint32_t code = call->code;
	int rc;

	copy.exit_cb = (uv_exit_cb)call->thunk;
	rc = CALL_REAL(call, uv_spawn, loop, handle, &copy);
	if (rc == 0 && code)
		hooks_emit(false, trace_word((uintptr_t)handle, code));
	return rc;
}

/* True where libuv closes a handle of its own, or goes on with what uv_tcp_close_reset was asked
 * for. */
static bool is_internal_close(uv_close_cb cb)
{
	return libuv_is_text((void *)cb) || site_is_thunk((void *)cb) || thread_current->submitting;
}

EXPORT void uv_close(uv_handle_t *handle, uv_close_cb cb)
{
	struct call scratch;
	const struct call *call = CALL(&scratch, uv_close, CLOSE, cb);

	if (!is_internal_close(cb))
		hooks_emit(false, trace_word((uintptr_t)handle, TRACE_HANDLE_CLOSE));
	if (call->real)
		((__typeof__(&uv_close))call->real)(handle, (uv_close_cb)call->thunk);
}

EXPORT int uv_tcp_close_reset(uv_tcp_t *handle, uv_close_cb cb)
{
	struct thread *thread = thread_current;
	bool outermost = thread->ring && !thread->submitting;
	int rc;

	if (outermost)
		thread->submitting = true; /* it calls uv_close */
	rc = REGISTER(uv_tcp_close_reset, CLOSE, uv_close_cb, cb, handle, thunk);
	if (outermost)
		thread->submitting = false;
	if (rc == 0)
		hooks_emit(false, trace_word((uintptr_t)handle, TRACE_HANDLE_CLOSE));
	return rc;
}
