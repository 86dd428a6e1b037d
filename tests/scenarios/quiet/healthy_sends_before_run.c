/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads send before the loop runs for the first time; the start takes 300 ms.
 * expects: healthy
 * not: slow_wakeup
 * load: light
 */
#include "../scenario.h"

static uv_async_t wakes[15];

static void woken(uv_async_t *async)
{
	(void)async;
}

static void send_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < 15; i++)
		uv_async_send(&wakes[i]);
}

static void send_one(uv_timer_t *timer)
{
	static unsigned ticks;

	(void)timer;
	uv_async_send(&wakes[ticks++ % 15]);
}

int main(void)
{
	uv_thread_t thread;
	uv_timer_t timer;

	for (int i = 0; i < 15; i++)
		check(uv_async_init(uv_default_loop(), &wakes[i], woken), "uv_async_init");
	check(uv_thread_create(&thread, send_all, NULL), "uv_thread_create");
	usleep(300000); /* reads its configuration */
	every(uv_default_loop(), &timer, send_one, 30);
	run_for(uv_default_loop(), 1500);
	uv_thread_join(&thread);
	return 0;
}
