/* SPDX-License-Identifier: Apache-2.0
 *
 * A program with a main loop of its own looks after libuv's each 12 ms, which is short; but a timer
 * asks for 1 ms.
 * expects: late_timers heartbeat
 */
#include "../scenario.h"

static void heartbeat(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, heartbeat, 1);
	for (int i = 0; i < 120; i++) {
		uv_run(uv_default_loop(), UV_RUN_NOWAIT);
		usleep(11500);
	}
	return 0;
}
