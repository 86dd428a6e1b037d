/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads wake a loop that its program runs only thirty times a second.
 * expects: slow_wakeup take_order
 */
#include "../scenario.h"

static uv_async_t orders;
static volatile int over;

static void take_order(uv_async_t *async)
{
	(void)async;
}

static void give_orders(void *arg)
{
	(void)arg;
	while (!over) {
		uv_async_send(&orders);
		usleep(7000);
	}
}

int main(void)
{
	uv_thread_t thread;

	check(uv_async_init(uv_default_loop(), &orders, take_order), "uv_async_init");
	check(uv_thread_create(&thread, give_orders, NULL), "uv_thread_create");
	for (int i = 0; i < 45; i++) {
		uv_run(uv_default_loop(), UV_RUN_NOWAIT);
		usleep(30000);
	}
	over = 1;
	uv_thread_join(&thread);
	return 0;
}
