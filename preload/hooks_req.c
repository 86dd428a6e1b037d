/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of the loop and of the pool, fs apart: submit_begin, the real call, submit_end.
 */
#include <stddef.h>

#include "hooks.h"
#include "real.h"
#include "hotpath.h"

#define SUBMIT(kind, callback) submit_begin(KIND_##kind, (void *)(callback), CALLER, false)

EXPORT int uv_write(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[], unsigned int count, uv_write_cb cb)
{
	struct submit submit = SUBMIT(WRITE, cb);

	return submit_end(&submit, req, REAL_CALL(uv_write, req, handle, bufs, count, (uv_write_cb)submit.callback));
}

EXPORT int uv_write2(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[], unsigned int count,
		     uv_stream_t *send_handle, uv_write_cb cb)
{
	struct submit submit;
	uv_write_cb thunk;

	/* uv_write jumps here: nothing to look up, nothing to record. */
	if (thread_current->submitting && real_last)
		return REAL_AGAIN(uv_write2)(req, handle, bufs, count, send_handle, cb);
	submit = SUBMIT(WRITE, cb);
	thunk = (uv_write_cb)submit.callback;
	return submit_end(&submit, req, REAL_CALL(uv_write2, req, handle, bufs, count, send_handle, thunk));
}

EXPORT int uv_shutdown(uv_shutdown_t *req, uv_stream_t *handle, uv_shutdown_cb cb)
{
	struct submit submit = SUBMIT(SHUTDOWN, cb);

	return submit_end(&submit, req, REAL_CALL(uv_shutdown, req, handle, (uv_shutdown_cb)submit.callback));
}

EXPORT int uv_tcp_connect(uv_connect_t *req, uv_tcp_t *handle, const struct sockaddr *address, uv_connect_cb cb)
{
	struct submit submit = SUBMIT(CONNECT, cb);

	return submit_end(&submit, req,
			  REAL_CALL(uv_tcp_connect, req, handle, address, (uv_connect_cb)submit.callback));
}

EXPORT void uv_pipe_connect(uv_connect_t *req, uv_pipe_t *handle, const char *name, uv_connect_cb cb)
{
	struct submit submit = SUBMIT(CONNECT, cb);

	if (REAL(uv_pipe_connect))
		REAL(uv_pipe_connect)(req, handle, name, (uv_connect_cb)submit.callback);
	submit_end(&submit, req, 0);
}

EXPORT int uv_pipe_connect2(uv_connect_t *req, uv_pipe_t *handle, const char *name, size_t name_bytes,
			    unsigned int flags, uv_connect_cb cb)
{
	struct submit submit = SUBMIT(CONNECT, cb);
	uv_connect_cb thunk = (uv_connect_cb)submit.callback;

	return submit_end(&submit, req, REAL_CALL(uv_pipe_connect2, req, handle, name, name_bytes, flags, thunk));
}

EXPORT int uv_udp_send(uv_udp_send_t *req, uv_udp_t *handle, const uv_buf_t bufs[], unsigned int count,
		       const struct sockaddr *address, uv_udp_send_cb cb)
{
	struct submit submit = SUBMIT(UDP_SEND, cb);
	uv_udp_send_cb thunk = (uv_udp_send_cb)submit.callback;

	return submit_end(&submit, req, REAL_CALL(uv_udp_send, req, handle, bufs, count, address, thunk));
}
