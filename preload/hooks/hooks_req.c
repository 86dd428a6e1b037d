/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of the loop and of the pool, except fs: submit_begin, the real call, submit_end.
 */
#include <stddef.h>

#include "hooks.h"
#include "libuv/libuv_copy.h"
#include "program/hotpath.h"

#define SUBMIT(name, kind, callback)                                                               \
	submit_begin(CALL_KEY(KIND_##kind, REAL_##name), (void *)(callback), CALLER, false)

/* Tells what a stream still has to write behind a write that it could not do at once. */
__attribute__((noinline, cold)) static void queue_tell(const uv_stream_t *stream, bool behind)
{
	static const uint8_t sorts[UV_HANDLE_TYPE_MAX] = {
	    [UV_TCP] = TRACE_STREAM_TCP,
	    [UV_NAMED_PIPE] = TRACE_STREAM_PIPE,
	    [UV_TTY] = TRACE_STREAM_TTY,
	};
	uint32_t sort = (uint32_t)stream->type < UV_HANDLE_TYPE_MAX ? sorts[stream->type] : 0;

	hooks_emit(false,
		   trace_queue_word(behind, sort, stream->io_watcher.fd, stream->write_queue_size));
}

/* `behind`: there was a queue before. */
static inline int write_end(const struct submit *submit, const uv_write_t *req,
			    const uv_stream_t *stream, bool behind, int rc)
{
	submit_end(submit, req, rc);
	if (__builtin_expect(rc == 0 && submit->thread && stream->write_queue_size, 0))
		queue_tell(stream, behind);
	return rc;
}

/* libuv's uv_write is uv_write2 without a handle to send, and jumps there. We go there at once: one
 * call less than without us, and nothing of ours is passed a second time. */
EXPORT int uv_write(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[], unsigned int count,
		    uv_write_cb cb)
{
	struct submit submit = SUBMIT(uv_write_direct, WRITE, cb);
	uv_write_cb thunk = (uv_write_cb)submit.callback;
	bool behind = handle->write_queue_size;

	return write_end(&submit, req, handle, behind,
			 CALL_REAL(&submit, uv_write2, req, handle, bufs, count, NULL, thunk));
}

EXPORT int uv_write2(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[],
		     unsigned int count, uv_stream_t *send_handle, uv_write_cb cb)
{
	struct submit submit = SUBMIT(uv_write2, WRITE, cb);
	uv_write_cb thunk = (uv_write_cb)submit.callback;
	bool behind = handle->write_queue_size;

	return write_end(
	    &submit, req, handle, behind,
	    CALL_REAL(&submit, uv_write2, req, handle, bufs, count, send_handle, thunk));
}

EXPORT int uv_shutdown(uv_shutdown_t *req, uv_stream_t *handle, uv_shutdown_cb cb)
{
	struct submit submit = SUBMIT(uv_shutdown, SHUTDOWN, cb);
	uv_shutdown_cb thunk = (uv_shutdown_cb)submit.callback;

	return submit_end(&submit, req, CALL_REAL(&submit, uv_shutdown, req, handle, thunk));
}

EXPORT int uv_tcp_connect(uv_connect_t *req, uv_tcp_t *handle, const struct sockaddr *address,
			  uv_connect_cb cb)
{
	struct submit submit = SUBMIT(uv_tcp_connect, CONNECT, cb);
	uv_connect_cb thunk = (uv_connect_cb)submit.callback;

	return submit_end(&submit, req,
			  CALL_REAL(&submit, uv_tcp_connect, req, handle, address, thunk));
}

EXPORT void uv_pipe_connect(uv_connect_t *req, uv_pipe_t *handle, const char *name,
			    uv_connect_cb cb)
{
	struct submit submit = SUBMIT(uv_pipe_connect, CONNECT, cb);

	if (submit.real)
		((__typeof__(&uv_pipe_connect))submit.real)(req, handle, name,
							    (uv_connect_cb)submit.callback);
	submit_end(&submit, req, 0);
}

EXPORT int uv_pipe_connect2(uv_connect_t *req, uv_pipe_t *handle, const char *name,
			    size_t name_bytes, unsigned int flags, uv_connect_cb cb)
{
	struct submit submit = SUBMIT(uv_pipe_connect2, CONNECT, cb);
	uv_connect_cb thunk = (uv_connect_cb)submit.callback;

	return submit_end(
	    &submit, req,
	    CALL_REAL(&submit, uv_pipe_connect2, req, handle, name, name_bytes, flags, thunk));
}

EXPORT int uv_udp_send(uv_udp_send_t *req, uv_udp_t *handle, const uv_buf_t bufs[],
		       unsigned int count, const struct sockaddr *address, uv_udp_send_cb cb)
{
	struct submit submit = SUBMIT(uv_udp_send, UDP_SEND, cb);
	uv_udp_send_cb thunk = (uv_udp_send_cb)submit.callback;

	return submit_end(
	    &submit, req,
	    CALL_REAL(&submit, uv_udp_send, req, handle, bufs, count, address, thunk));
}
