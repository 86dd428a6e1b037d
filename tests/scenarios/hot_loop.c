/* SPDX-License-Identifier: Apache-2.0
 *
 * Three loops; one does all the work.
 * expects: hot_loop hot
 */
#include "scenario.h"

#include <pthread.h>

static void work_a_bit(uv_timer_t *timer)
{
	(void)timer;
	spin_us(1500);
}

static void rest(uv_timer_t *timer)
{
	(void)timer;
}

static void run_loop(void *arg)
{
	uv_loop_t loop;
	uv_timer_t timer;

	pthread_setname_np(pthread_self(), arg ? "hot" : "cold");
	check(uv_loop_init(&loop), "uv_loop_init");
	every(&loop, &timer, arg ? work_a_bit : rest, arg ? 2 : 50);
	run_for(&loop, 1200);
}

int main(void)
{
	uv_thread_t threads[3];

	for (int i = 0; i < 3; i++)
		check(uv_thread_create(&threads[i], run_loop, i == 1 ? &threads : NULL), "uv_thread_create");
	for (int i = 0; i < 3; i++)
		uv_thread_join(&threads[i]);
	return 0;
}
