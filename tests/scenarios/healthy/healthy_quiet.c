/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer ten times a second.
 * expects: healthy
 */
#include "../scenario.h"

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, tick, 100);
	run_for(uv_default_loop(), 1000);
	return 0;
}
