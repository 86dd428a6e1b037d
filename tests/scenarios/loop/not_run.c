/* SPDX-License-Identifier: Apache-2.0
 *
 * A program with a main loop of its own asks libuv between two frames, each of which it computes
 * for 40 ms: what comes in by a pipe waits for the next.
 * expects: loop_not_run worker
 */
#include "../scenario.h"

static void read_order(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)buffer;
	check((int)bytes, "read");
}

static void give_orders(void *arg)
{
	for (int i = 0; i < 150; i++) {
		if (write(*(int *)arg, "order\n", 6) != 6)
			exit(99);
		usleep(7000);
	}
}

int main(void)
{
	uv_pipe_t orders, others;
	uv_thread_t thread;
	int fd;

	pipes_open(uv_default_loop(), &orders, &others);
	check(uv_fileno((uv_handle_t *)&others, &fd), "uv_fileno");
	check(uv_read_start((uv_stream_t *)&orders, give_buffer, read_order), "uv_read_start");
	check(uv_thread_create(&thread, give_orders, &fd), "uv_thread_create");
	for (int i = 0; i < 25; i++) {
		uv_run(uv_default_loop(), UV_RUN_NOWAIT);
		spin_us(40000);
	}
	uv_thread_join(&thread);
	return 0;
}
