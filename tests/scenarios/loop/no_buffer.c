/* SPDX-License-Identifier: Apache-2.0
 *
 * Its alloc callback has no buffer left: libuv calls the read callback with UV_ENOBUFS, and asks
 * again at once for as long as there is something to read.
 *
 * expects: ready_spin take_chunk
 * says: no buffer
 * env: UVTRACE_RING_SIZE=16M
 * not: blocked_cpu
 * not: unclosed_handles
 */
#include "../scenario.h"

static uv_pipe_t stream;
static uv_timer_t timer;
static unsigned long failures;

static void no_buffer_left(uv_handle_t *handle, size_t bytes, uv_buf_t *buffer)
{
	(void)handle;
	(void)bytes;
	*buffer = uv_buf_init(NULL, 0);
}

static void take_chunk(uv_stream_t *from, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)from;
	(void)buffer;
	failures += bytes == UV_ENOBUFS;
}

static void refresh(uv_timer_t *of)
{
	(void)of;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	int ends[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	check(uv_pipe_init(loop, &stream, 0), "uv_pipe_init");
	check(uv_pipe_open(&stream, ends[0]), "uv_pipe_open");
	check(write(ends[1], "x", 1) == 1 ? 0 : -1, "write");
	check(uv_read_start((uv_stream_t *)&stream, no_buffer_left, take_chunk), "uv_read_start");
	every(loop, &timer, refresh, 100);
	run_for(loop, 1500);
	return failures > 0 ? 0 : 1;
}
