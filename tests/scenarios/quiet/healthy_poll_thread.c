/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread of its own writes to a descriptor that the loop polls; each time it is read.
 * expects: healthy
 * not: ready_spin
 * load: light
 */
#include "../scenario.h"

#include <sys/eventfd.h>

static int event;

static void event_ready(uv_poll_t *poll, int status, int events)
{
	uint64_t count;

	(void)poll;
	(void)status;
	(void)events;
	if (read(event, &count, sizeof(count)) < 0)
		exit(99);
}

static void feed(void *arg)
{
	uint64_t one = 1;

	(void)arg;
	for (int i = 0; i < 150; i++) {
		if (write(event, &one, sizeof(one)) < 0)
			exit(99);
		usleep(10000);
	}
}

int main(void)
{
	uv_thread_t thread;
	uv_poll_t poll;

	event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	check(uv_poll_init(uv_default_loop(), &poll, event), "uv_poll_init");
	check(uv_poll_start(&poll, UV_READABLE, event_ready), "uv_poll_start");
	check(uv_thread_create(&thread, feed, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 1800);
	uv_thread_join(&thread);
	return 0;
}
