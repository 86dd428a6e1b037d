/* SPDX-License-Identifier: Apache-2.0
 *
 * A long compression; that threads' wake-ups come late is only what follows.
 * expects: blocked_cpu compress_block
 */
#include "../scenario.h"

static uv_async_t news;
static volatile int over;

static void read_news(uv_async_t *async)
{
	(void)async;
}

static void tell_news(void *arg)
{
	(void)arg;
	while (!over) {
		uv_async_send(&news);
		usleep(10000);
	}
}

static void compress_block(uv_timer_t *timer)
{
	(void)timer;
	spin_us(90000);
}

int main(void)
{
	uv_timer_t timer;
	uv_thread_t thread;

	check(uv_async_init(uv_default_loop(), &news, read_news), "uv_async_init");
	check(uv_thread_create(&thread, tell_news, NULL), "uv_thread_create");
	every(uv_default_loop(), &timer, compress_block, 300);
	run_for(uv_default_loop(), 1600);
	over = 1;
	uv_thread_join(&thread);
	return 0;
}
