/* SPDX-License-Identifier: Apache-2.0
 *
 * A report is computed in a timer's callback, on the loop.
 * expects: blocked_cpu crunch_numbers
 */
#include "../scenario.h"

static void crunch_numbers(uv_timer_t *timer)
{
	(void)timer;
	spin_us(60000);
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, crunch_numbers, 250);
	run_for(uv_default_loop(), 1500);
	return 0;
}
