/* SPDX-License-Identifier: Apache-2.0
 *
 * Tries again after 10, 20, 40, ... ms, each time with a timer.
 * expects: healthy
 * not: late_timers early_timers
 * load: light
 */
#include "../scenario.h"

static unsigned wait_ms = 10;

static void try_again(uv_timer_t *timer)
{
	wait_ms = wait_ms < 320 ? wait_ms * 2 : 10;
	uv_timer_start(timer, try_again, wait_ms, 0);
}

int main(void)
{
	uv_timer_t timer;

	check(uv_timer_init(uv_default_loop(), &timer), "uv_timer_init");
	check(uv_timer_start(&timer, try_again, wait_ms, 0), "uv_timer_start");
	run_for(uv_default_loop(), 2200);
	return 0;
}
