/* SPDX-License-Identifier: Apache-2.0
 *
 * Five hundred timers that are all due at the same time.
 * expects: timer_storm poll_sensor
 */
#include "../scenario.h"

static uv_timer_t timers[500];

static void poll_sensor(uv_timer_t *timer)
{
	(void)timer;
	spin_us(100);
}

int main(void)
{
	for (int i = 0; i < 500; i++)
		every(uv_default_loop(), &timers[i], poll_sensor, 400);
	run_for(uv_default_loop(), 1500);
	return 0;
}
