/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that live for 20 ms, each with a loop of its own.
 * expects: healthy
 * not: spinning hot_loop
 * load: light
 */
#include "../scenario.h"

static void over(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

static void run_shortly(void *arg)
{
	uv_loop_t loop;
	uv_timer_t timer;

	(void)arg;
	check(uv_loop_init(&loop), "uv_loop_init");
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, over, 20, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

int main(void)
{
	for (int i = 0; i < 30; i++) {
		uv_thread_t threads[2];

		for (int k = 0; k < 2; k++)
			check(uv_thread_create(&threads[k], run_shortly, NULL), "uv_thread_create");
		for (int k = 0; k < 2; k++)
			uv_thread_join(&threads[k]);
	}
	return 0;
}
