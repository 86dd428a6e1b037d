/* SPDX-License-Identifier: Apache-2.0
 *
 * A watcher stays interested in UV_WRITABLE though it has nothing to write: the descriptor is
 * always ready.
 * expects: ready_spin peer_ready
 * env: UVTRACE_RING_SIZE=16M
 */
#include "../scenario.h"

static int fds[2];

static void peer_ready(uv_poll_t *poll, int status, int events)
{
	char bytes[64];

	(void)poll;
	(void)status;
	if ((events & UV_READABLE) && read(fds[0], bytes, sizeof(bytes)) < 0)
		exit(99);
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_poll_t poll;
	uv_timer_t timer;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		return 99;
	check(uv_poll_init(uv_default_loop(), &poll, fds[0]), "uv_poll_init");
	check(uv_poll_start(&poll, UV_READABLE | UV_WRITABLE, peer_ready), "uv_poll_start");
	every(uv_default_loop(), &timer, tick, 100);
	run_for(uv_default_loop(), 1500);
	return 0;
}
