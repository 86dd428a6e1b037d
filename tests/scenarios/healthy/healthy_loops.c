/* SPDX-License-Identifier: Apache-2.0
 *
 * Two loops with the same load that wake each other.
 * expects: healthy
 */
#include "../scenario.h"

static uv_loop_t loops[2];
static uv_async_t calls[2];

static void called(uv_async_t *async)
{
	(void)async;
	spin_us(200);
}

static void call_other(uv_timer_t *timer)
{
	uv_async_send(&calls[timer->loop == &loops[0]]);
}

static void run_loop(void *arg)
{
	uv_timer_t timer;

	every(arg, &timer, call_other, 3);
	run_for(arg, 1000);
}

int main(void)
{
	uv_thread_t threads[2];

	for (int i = 0; i < 2; i++) {
		check(uv_loop_init(&loops[i]), "uv_loop_init");
		check(uv_async_init(&loops[i], &calls[i], called), "uv_async_init");
	}
	for (int i = 0; i < 2; i++)
		check(uv_thread_create(&threads[i], run_loop, &loops[i]), "uv_thread_create");
	for (int i = 0; i < 2; i++)
		uv_thread_join(&threads[i]);
	return 0;
}
