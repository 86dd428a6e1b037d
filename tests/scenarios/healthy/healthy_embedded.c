/* SPDX-License-Identifier: Apache-2.0
 *
 * A program with a main loop of its own that waits for libuv's loop as it should:
 * by its descriptor and its timeout.
 * expects: healthy
 */
#include "../scenario.h"

#include <poll.h>

static void read_order(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)buffer;
	check((int)bytes, "read");
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void give_orders(void *arg)
{
	for (int i = 0; i < 30; i++) {
		if (write(*(int *)arg, "order\n", 6) != 6)
			exit(99);
		usleep(35000);
	}
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_pipe_t orders, others;
	uv_timer_t timer;
	uv_thread_t thread;
	uint64_t end_ms;
	int fd;

	pipes_open(loop, &orders, &others);
	check(uv_fileno((uv_handle_t *)&others, &fd), "uv_fileno");
	check(uv_read_start((uv_stream_t *)&orders, give_buffer, read_order), "uv_read_start");
	every(loop, &timer, tick, 60);
	check(uv_thread_create(&thread, give_orders, &fd), "uv_thread_create");
	for (end_ms = uv_now(loop) + 1000; uv_now(loop) < end_ms;) {
		struct pollfd backend = {.fd = uv_backend_fd(loop), .events = POLLIN};

		poll(&backend, 1, uv_backend_timeout(loop));
		uv_run(loop, UV_RUN_NOWAIT);
	}
	uv_thread_join(&thread);
	return 0;
}
