/* SPDX-License-Identifier: Apache-2.0
 *
 * A poll callback does not read what has come: it is called again at once, for ever.
 * expects: ready_spin peek_header
 * env: UVTRACE_RING_SIZE=16M
 */
#include "../scenario.h"

static int fds[2];

/* Waits for a whole header, which does not come. */
static void peek_header(uv_poll_t *poll, int status, int events)
{
	char header[32];

	(void)poll;
	(void)status;
	(void)events;
	if (recv(fds[0], header, sizeof(header), MSG_PEEK) == (ssize_t)sizeof(header))
		exit(99);
}

int main(void)
{
	uv_poll_t poll;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0 ||
	    write(fds[1], "half", 4) != 4)
		return 99;
	check(uv_poll_init(uv_default_loop(), &poll, fds[0]), "uv_poll_init");
	check(uv_poll_start(&poll, UV_READABLE, peek_header), "uv_poll_start");
	run_for(uv_default_loop(), 1500);
	return 0;
}
