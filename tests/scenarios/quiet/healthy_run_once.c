/* SPDX-License-Identifier: Apache-2.0
 *
 * The program's own loop calls uv_run with UV_RUN_ONCE, and does a little after each.
 * expects: healthy
 * not: spinning loop_not_run
 * load: light
 */
#include "../scenario.h"

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uint64_t end = uv_hrtime() + 1600000000ull;
	uv_timer_t timer;

	every(uv_default_loop(), &timer, tick, 10);
	while (uv_hrtime() < end) {
		uv_run(uv_default_loop(), UV_RUN_ONCE);
		spin_us(300);
	}
	return 0;
}
