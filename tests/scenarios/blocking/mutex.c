/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback takes a mutex that a thread holds for long.
 * expects: blocked_lock|blocked_syscall update_cache
 */
#include "../scenario.h"

static uv_mutex_t mutex;
static volatile int over;

static void rebuild(void *arg)
{
	(void)arg;
	while (!over) {
		uv_mutex_lock(&mutex);
		usleep(80000);
		uv_mutex_unlock(&mutex);
		usleep(60000);
	}
}

static void update_cache(uv_timer_t *timer)
{
	(void)timer;
	uv_mutex_lock(&mutex);
	uv_mutex_unlock(&mutex);
}

int main(void)
{
	uv_timer_t timer;
	uv_thread_t thread;

	uv_mutex_init(&mutex);
	check(uv_thread_create(&thread, rebuild, NULL), "uv_thread_create");
	every(uv_default_loop(), &timer, update_cache, 50);
	run_for(uv_default_loop(), 1600);
	over = 1;
	uv_thread_join(&thread);
	return 0;
}
