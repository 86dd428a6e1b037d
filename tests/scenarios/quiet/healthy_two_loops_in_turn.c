/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread runs one loop, then does something else, then runs another loop.
 * expects: healthy
 * not: loop_not_run
 * load: light
 */
#include "../scenario.h"

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void run_one(unsigned ms)
{
	uv_timer_t ticks;
	uv_loop_t loop;

	check(uv_loop_init(&loop), "uv_loop_init");
	every(&loop, &ticks, tick, 20);
	run_for(&loop, ms);
	/* What is left on it is given up with it. */
}

int main(void)
{
	run_one(600);
	usleep(500000);
	run_one(600);
	return 0;
}
