/* SPDX-License-Identifier: Apache-2.0
 *
 * Three loops on threads of their own hand a ball around by uv_async_send.
 * expects: healthy
 * not: hot_loop slow_wakeup
 * load: light
 */
#include "../scenario.h"

#define ACTORS 3

static uv_loop_t loops[ACTORS];
static uv_async_t balls[ACTORS];
static volatile int over;

static void throw_on(uv_timer_t *timer)
{
	uv_async_send(&balls[((uv_loop_t *)timer->loop - loops + 1) % ACTORS]);
}

static void ball_came(uv_async_t *async)
{
	static uv_timer_t timers[ACTORS];
	uv_timer_t *timer = &timers[async->loop - loops];

	if (over) {
		uv_stop(async->loop);
		return;
	}
	uv_timer_init(async->loop, timer);
	uv_timer_start(timer, throw_on, 4, 0);
}

static void run(void *loop)
{
	uv_run(loop, UV_RUN_DEFAULT);
}

int main(void)
{
	uv_thread_t threads[ACTORS];

	for (int i = 0; i < ACTORS; i++) {
		check(uv_loop_init(&loops[i]), "uv_loop_init");
		check(uv_async_init(&loops[i], &balls[i], ball_came), "uv_async_init");
	}
	for (int i = 0; i < ACTORS; i++)
		check(uv_thread_create(&threads[i], run, &loops[i]), "uv_thread_create");
	uv_async_send(&balls[0]);
	usleep(1500000);
	over = 1;
	for (int i = 0; i < ACTORS; i++) {
		uv_async_send(&balls[i]);
		uv_thread_join(&threads[i]);
	}
	return 0;
}
