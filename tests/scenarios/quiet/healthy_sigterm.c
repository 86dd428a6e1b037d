/* SPDX-License-Identifier: Apache-2.0
 *
 * A service that somebody stops by SIGTERM while it waits, as services are.
 * expects: healthy
 * not: died blocked
 * load: light
 */
#include "../scenario.h"

#include <signal.h>

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void stop_service(void *arg)
{
	(void)arg;
	usleep(1510000);
	kill(getpid(), SIGTERM);
}

int main(void)
{
	uv_thread_t thread;
	uv_timer_t timer;

	every(uv_default_loop(), &timer, tick, 100);
	check(uv_thread_create(&thread, stop_service, NULL), "uv_thread_create");
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
