/* SPDX-License-Identifier: Apache-2.0
 *
 * More events at once than a small ring holds.
 * expects: lost_events worker
 * env: UVTRACE_RING_SIZE=16K
 */
#include "../scenario.h"

static uv_timer_t timers[20000];

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	for (int i = 0; i < 20000; i++)
		every(uv_default_loop(), &timers[i], tick, 60);
	run_for(uv_default_loop(), 1050);
	return 0;
}
