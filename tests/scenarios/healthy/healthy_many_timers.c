/* SPDX-License-Identifier: Apache-2.0
 *
 * Forty timers of different times, each with little to do.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static void refresh(uv_timer_t *timer)
{
	(void)timer;
	spin_us(20);
}

int main(void)
{
	uv_timer_t timers[40];

	for (unsigned i = 0; i < 40; i++)
		every(uv_default_loop(), &timers[i], refresh, 17 + 13 * i);
	run_for(uv_default_loop(), 2000);
	return 0;
}
