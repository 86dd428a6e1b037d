/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles: each wrapper hands libuv a thunk in the callback's place and forwards. Nothing else happens here.
 */
#include <stddef.h>

#include "config.h"
#include "hooks.h"
#include "real.h"
#include "hotpath.h"

#define WRAP(type, kind, callback) ((type)site_wrap(KIND_##kind, (void *)(callback), CALLER))

EXPORT int uv_timer_start(uv_timer_t *handle, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
	return REAL_CALL(uv_timer_start, handle, WRAP(uv_timer_cb, TIMER, cb), timeout, repeat);
}

EXPORT int uv_idle_start(uv_idle_t *handle, uv_idle_cb cb)
{
	return REAL_CALL(uv_idle_start, handle, WRAP(uv_idle_cb, IDLE, cb));
}

EXPORT int uv_prepare_start(uv_prepare_t *handle, uv_prepare_cb cb)
{
	return REAL_CALL(uv_prepare_start, handle, WRAP(uv_prepare_cb, PREPARE, cb));
}

EXPORT int uv_check_start(uv_check_t *handle, uv_check_cb cb)
{
	return REAL_CALL(uv_check_start, handle, WRAP(uv_check_cb, CHECK, cb));
}

EXPORT int uv_async_init(uv_loop_t *loop, uv_async_t *handle, uv_async_cb cb)
{
	int rc = REAL_CALL(uv_async_init, loop, handle, WRAP(uv_async_cb, ASYNC, cb));

	/* uv_loop_init does so, before there is anything else to see. */
	if (real_is_uv(CALLER) && real_is_uv((void *)cb))
		real_uv_calls_seen = true;
	return rc;
}

EXPORT int uv_poll_start(uv_poll_t *handle, int events, uv_poll_cb cb)
{
	return REAL_CALL(uv_poll_start, handle, events, WRAP(uv_poll_cb, POLL, cb));
}

EXPORT int uv_signal_start(uv_signal_t *handle, uv_signal_cb cb, int signum)
{
	return REAL_CALL(uv_signal_start, handle, WRAP(uv_signal_cb, SIGNAL, cb), signum);
}

EXPORT int uv_signal_start_oneshot(uv_signal_t *handle, uv_signal_cb cb, int signum)
{
	return REAL_CALL(uv_signal_start_oneshot, handle, WRAP(uv_signal_cb, SIGNAL, cb), signum);
}

EXPORT int uv_fs_event_start(uv_fs_event_t *handle, uv_fs_event_cb cb, const char *path, unsigned int flags)
{
	return REAL_CALL(uv_fs_event_start, handle, WRAP(uv_fs_event_cb, FS_EVENT, cb), path, flags);
}

EXPORT int uv_fs_poll_start(uv_fs_poll_t *handle, uv_fs_poll_cb cb, const char *path, unsigned int interval)
{
	return REAL_CALL(uv_fs_poll_start, handle, WRAP(uv_fs_poll_cb, FS_POLL, cb), path, interval);
}

EXPORT int uv_read_start(uv_stream_t *handle, uv_alloc_cb alloc, uv_read_cb cb)
{
	if (config.alloc)
		alloc = WRAP(uv_alloc_cb, ALLOC, alloc);
	return REAL_CALL(uv_read_start, handle, alloc, WRAP(uv_read_cb, READ, cb));
}

EXPORT int uv_udp_recv_start(uv_udp_t *handle, uv_alloc_cb alloc, uv_udp_recv_cb cb)
{
	if (config.alloc)
		alloc = WRAP(uv_alloc_cb, ALLOC, alloc);
	return REAL_CALL(uv_udp_recv_start, handle, alloc, WRAP(uv_udp_recv_cb, UDP_RECV, cb));
}

EXPORT int uv_listen(uv_stream_t *handle, int backlog, uv_connection_cb cb)
{
	return REAL_CALL(uv_listen, handle, backlog, WRAP(uv_connection_cb, CONNECTION, cb));
}

/* The options are the user's: the callback is replaced in a copy. */
EXPORT int uv_spawn(uv_loop_t *loop, uv_process_t *handle, const uv_process_options_t *options)
{
	uv_process_options_t copy = *options;

	copy.exit_cb = WRAP(uv_exit_cb, PROCESS_EXIT, options->exit_cb);
	return REAL_CALL(uv_spawn, loop, handle, &copy);
}

/* True where libuv closes a handle of its own, or goes on with what uv_tcp_close_reset was asked for. */
static bool is_internal_close(uv_close_cb cb)
{
	return real_is_uv((void *)cb) || site_is_thunk((void *)cb) || thread_current->submitting;
}

EXPORT void uv_close(uv_handle_t *handle, uv_close_cb cb)
{
	if (!is_internal_close(cb))
		hooks_emit(false, trace_word((uintptr_t)handle, TRACE_HANDLE_CLOSE));
	if (REAL(uv_close))
		REAL(uv_close)(handle, WRAP(uv_close_cb, CLOSE, cb));
}

EXPORT int uv_tcp_close_reset(uv_tcp_t *handle, uv_close_cb cb)
{
	struct thread *thread = thread_current;
	bool outermost = thread->ring && !thread->submitting;
	int rc;

	if (outermost)
		thread->submitting = true; /* it calls uv_close */
	rc = REAL_CALL(uv_tcp_close_reset, handle, WRAP(uv_close_cb, CLOSE, cb));
	if (outermost)
		thread->submitting = false;
	if (rc == 0)
		hooks_emit(false, trace_word((uintptr_t)handle, TRACE_HANDLE_CLOSE));
	return rc;
}
