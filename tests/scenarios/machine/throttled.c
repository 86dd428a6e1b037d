/* SPDX-License-Identifier: Apache-2.0
 *
 * A container with a tenth of a CPU: what the program wants to do in 100 ms takes it a second.
 *
 * expects: throttled quota
 * quota: 10000 100000
 */
#include "../scenario.h"

static void serve(uv_timer_t *timer)
{
	(void)timer;
	spin_us(4000);
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, serve, 5);
	run_for(uv_default_loop(), 2000);
	return 0;
}
