/* SPDX-License-Identifier: Apache-2.0
 *
 * Where handles are made and that they are stopped: wrappers without a callback. What libuv does
 * for itself, and what its functions call of each other, is not told.
 */
#include <stddef.h>

#include "hooks.h"
#include "libuv/libuv_copy.h"
#include "program/hotpath.h"

#define NOTE(name, kind, handle, ...)                                                              \
	({                                                                                         \
		struct call scratch;                                                               \
		const struct call *call =                                                          \
		    call_find(&scratch, CALL_KEY(kind, REAL_##name), NULL, CALLER);                \
		uint32_t code = call->code;                                                        \
		int result = CALL_REAL(call, name, __VA_ARGS__);                                   \
                                                                                                   \
		if (result == 0 && code)                                                           \
			hooks_emit(false, trace_word((uintptr_t)(handle), code));                  \
		result;                                                                            \
	})

#define MAKE(name, kind, ...) NOTE(name, KIND_##kind | CALL_IS_MAKING, handle, __VA_ARGS__)

#define MAKER(type, kind)                                                                          \
	EXPORT int uv_##type##_init(uv_loop_t *loop, uv_##type##_t *handle)                        \
	{                                                                                          \
		return MAKE(uv_##type##_init, kind, loop, handle);                                 \
	}

#define STOPPER(name, type)                                                                        \
	EXPORT int name(type *handle)                                                              \
	{                                                                                          \
		return NOTE(name, CALL_IS_STOPPING, handle, handle);                               \
	}

/* clang-format off */
MAKER(tcp, TCP)
MAKER(udp, UDP)
MAKER(timer, TIMER)
MAKER(idle, IDLE)
MAKER(prepare, PREPARE)
MAKER(check, CHECK)
MAKER(signal, SIGNAL)
MAKER(fs_event, FS_EVENT)
MAKER(fs_poll, FS_POLL)

STOPPER(uv_read_stop, uv_stream_t)
STOPPER(uv_udp_recv_stop, uv_udp_t)
STOPPER(uv_poll_stop, uv_poll_t)
STOPPER(uv_timer_stop, uv_timer_t)
STOPPER(uv_idle_stop, uv_idle_t)
STOPPER(uv_prepare_stop, uv_prepare_t)
STOPPER(uv_check_stop, uv_check_t)
STOPPER(uv_signal_stop, uv_signal_t)
STOPPER(uv_fs_event_stop, uv_fs_event_t)
STOPPER(uv_fs_poll_stop, uv_fs_poll_t)
/* clang-format on */

EXPORT int uv_tcp_init_ex(uv_loop_t *loop, uv_tcp_t *handle, unsigned int flags)
{
	return MAKE(uv_tcp_init_ex, TCP, loop, handle, flags);
}

EXPORT int uv_udp_init_ex(uv_loop_t *loop, uv_udp_t *handle, unsigned int flags)
{
	return MAKE(uv_udp_init_ex, UDP, loop, handle, flags);
}

EXPORT int uv_pipe_init(uv_loop_t *loop, uv_pipe_t *handle, int ipc)
{
	return MAKE(uv_pipe_init, PIPE, loop, handle, ipc);
}

EXPORT int uv_tty_init(uv_loop_t *loop, uv_tty_t *handle, uv_file fd, int unused)
{
	return MAKE(uv_tty_init, TTY, loop, handle, fd, unused);
}

EXPORT int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd)
{
	return MAKE(uv_poll_init, POLL, loop, handle, fd);
}

EXPORT int uv_poll_init_socket(uv_loop_t *loop, uv_poll_t *handle, uv_os_sock_t socket)
{
	return MAKE(uv_poll_init_socket, POLL, loop, handle, socket);
}
