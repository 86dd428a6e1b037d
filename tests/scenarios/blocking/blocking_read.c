/* SPDX-License-Identifier: Apache-2.0
 *
 * A poll callback reads once more than there is to read; a heartbeat waits for it.
 * expects: blocked_syscall drain_pipe
 */
#include "../scenario.h"

#include <fcntl.h>

static int fds[2];
static volatile int over;

static void drain_pipe(uv_poll_t *poll, int status, int events)
{
	char bytes[8];

	(void)poll;
	(void)status;
	(void)events;
	for (int i = 0; i < 2; i++) {
		if (read(fds[0], bytes, 1) < 0)
			exit(99);
	}
}

static void beat(uv_timer_t *timer)
{
	(void)timer;
}

static void feed(void *arg)
{
	(void)arg;
	while (!over) {
		if (write(fds[1], "x", 1) < 0)
			exit(99);
		usleep(120000);
	}
}

int main(void)
{
	uv_poll_t poll;
	uv_timer_t timer;
	uv_thread_t thread;

	if (pipe(fds) != 0)
		return 99;
	check(uv_poll_init(uv_default_loop(), &poll, fds[0]), "uv_poll_init");
	if (fcntl(fds[0], F_SETFL, 0) != 0) /* libuv has made it non-blocking */
		return 99;
	check(uv_poll_start(&poll, UV_READABLE, drain_pipe), "uv_poll_start");
	check(uv_thread_create(&thread, feed, NULL), "uv_thread_create");
	every(uv_default_loop(), &timer, beat, 50);
	run_for(uv_default_loop(), 1600);
	over = 1;
	uv_thread_join(&thread);
	return 0;
}
