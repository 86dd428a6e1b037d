/* SPDX-License-Identifier: Apache-2.0
 *
 * Deadlines that are set anew each time, never at the same distance, in a program that looks after
 * libuv only now and then: no interval is regular, and each is missed.
 *
 * expects: late_timers deadline
 */
#include "../scenario.h"

static int runs;

static void deadline(uv_timer_t *timer)
{
	static const unsigned next_ms[] = {2, 8, 1, 14, 2, 9, 1};

	check(uv_timer_start(timer, deadline, next_ms[runs++ % 7], 0), "uv_timer_start");
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_timer_t timer;

	check(uv_timer_init(loop, &timer), "uv_timer_init");
	check(uv_timer_start(&timer, deadline, 5, 0), "uv_timer_start");
	for (int i = 0; i < 120; i++) {
		uv_run(loop, UV_RUN_NOWAIT);
		usleep(12500);
	}
	return 0;
}
