/* SPDX-License-Identifier: Apache-2.0
 *
 * uv_run in a loop with nothing alive: each call returns at once.
 * expects: spinning worker 1
 * env: UVTRACE_RING_SIZE=16M
 */
#include "../scenario.h"

static void never(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uint64_t end = uv_hrtime() + 600000000;
	uv_timer_t timer;

	every(uv_default_loop(), &timer, never, 1000000);
	uv_unref((uv_handle_t *)&timer);
	while (uv_hrtime() < end) {
		uv_run(uv_default_loop(), UV_RUN_DEFAULT);
		for (volatile int i = 0; i < 1000; i++)
			;
	}
	return 0;
}
