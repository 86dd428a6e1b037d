/* SPDX-License-Identifier: Apache-2.0
 *
 * A loop that is busy for half of its time, in short callbacks.
 * expects: healthy
 */
#include "../scenario.h"

static void work_a_bit(uv_timer_t *timer)
{
	(void)timer;
	spin_us(1000);
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, work_a_bit, 2);
	run_for(uv_default_loop(), 1000);
	return 0;
}
