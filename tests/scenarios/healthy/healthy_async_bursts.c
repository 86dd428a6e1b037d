/* SPDX-License-Identifier: Apache-2.0
 *
 * Bursts of messages from a thread; each callback takes all that are there.
 * expects: healthy
 * not: slow_wakeup
 * load: light
 */
#include "../scenario.h"

static uv_async_t wake;
static int waiting, taken;

static void take_all(uv_async_t *async)
{
	(void)async;
	taken += __atomic_exchange_n(&waiting, 0, __ATOMIC_ACQ_REL);
}

static void produce(void *arg)
{
	(void)arg;
	for (int i = 0; i < 60; i++) {
		for (int k = 0; k < 20; k++) {
			__atomic_fetch_add(&waiting, 1, __ATOMIC_ACQ_REL);
			uv_async_send(&wake);
		}
		usleep(25000);
	}
}

int main(void)
{
	uv_thread_t thread;

	check(uv_async_init(uv_default_loop(), &wake, take_all), "uv_async_init");
	check(uv_thread_create(&thread, produce, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 1700);
	uv_thread_join(&thread);
	return 0;
}
