/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer sends as fast as it can, for a second: many reads, no waiting, all of it is taken.
 * expects: healthy
 * not: ready_spin spinning
 */
#include "../scenario.h"

static int fds[2];

static void piece_came(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes < 0)
		uv_close((uv_handle_t *)stream, NULL);
	else
		spin_us(20);
}

static void send_on(void *arg)
{
	static char piece[16384];
	uint64_t end = uv_hrtime() + 1000000000ull;

	(void)arg;
	while (uv_hrtime() < end) {
		if (write(fds[1], piece, sizeof(piece)) < 0)
			break;
	}
	close(fds[1]);
}

int main(void)
{
	uv_thread_t thread;
	uv_pipe_t pipe;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return 99;
	check(uv_pipe_init(uv_default_loop(), &pipe, 0), "uv_pipe_init");
	check(uv_pipe_open(&pipe, fds[0]), "uv_pipe_open");
	check(uv_read_start((uv_stream_t *)&pipe, give_buffer, piece_came), "uv_read_start");
	check(uv_thread_create(&thread, send_on, NULL), "uv_thread_create");
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	uv_thread_join(&thread);
	return 0;
}
