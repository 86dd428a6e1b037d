/* SPDX-License-Identifier: Apache-2.0
 *
 * Each message is one uv_async_send, and a callback takes one message: sends are merged, and
 * messages pile up.
 * expects: coalesced take_one
 * severity: note
 */
#include "../scenario.h"

static uv_async_t wake;
static volatile int sent, taken, over;

static void take_one(uv_async_t *async)
{
	(void)async;
	if (taken < sent)
		taken++;
}

static void produce(void *arg)
{
	(void)arg;
	while (!over) {
		for (int i = 0; i < 10; i++) {
			__sync_fetch_and_add(&sent, 1);
			uv_async_send(&wake);
		}
		usleep(5000);
	}
}

int main(void)
{
	uv_thread_t thread;

	check(uv_async_init(uv_default_loop(), &wake, take_one), "uv_async_init");
	check(uv_thread_create(&thread, produce, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 2000);
	over = 1;
	uv_thread_join(&thread);
	return 0;
}
