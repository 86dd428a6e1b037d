/* SPDX-License-Identifier: Apache-2.0
 *
 * A program with a main loop of its own looks after libuv's each 10 ms,
 * but sometimes does something else.
 * expects: loop_not_run worker
 */
#include "../scenario.h"

static void heartbeat(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, heartbeat, 10);
	for (int i = 0; i < 120; i++) {
		uv_run(uv_default_loop(), UV_RUN_NOWAIT);
		usleep(i % 15 == 14 ? 90000 : 10000);
	}
	return 0;
}
