/* SPDX-License-Identifier: Apache-2.0
 *
 * One callback sleeps for 400 ms. A timer of 20 ms waits for it: that is what it costs.
 * expects: blocked_syscall slow_save
 * costs: 300 9000
 */
#include "../scenario.h"

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void slow_save(uv_timer_t *timer)
{
	(void)timer;
	uv_sleep(400);
}

int main(void)
{
	uv_timer_t ticks, once;

	every(uv_default_loop(), &ticks, tick, 20);
	check(uv_timer_init(uv_default_loop(), &once), "uv_timer_init");
	check(uv_timer_start(&once, slow_save, 510, 0), "uv_timer_start");
	run_for(uv_default_loop(), 1500);
	return 0;
}
