/* SPDX-License-Identifier: Apache-2.0
 *
 * Work is done before each wait, in a prepare callback.
 * expects: blocked_cpu before_wait
 */
#include "../scenario.h"

static unsigned waits;

static void before_wait(uv_prepare_t *prepare)
{
	(void)prepare;
	if (++waits % 5 == 0)
		spin_us(70000);
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_prepare_t prepare;
	uv_timer_t timer;

	check(uv_prepare_init(uv_default_loop(), &prepare), "uv_prepare_init");
	check(uv_prepare_start(&prepare, before_wait), "uv_prepare_start");
	every(uv_default_loop(), &timer, tick, 50);
	run_for(uv_default_loop(), 1500);
	return 0;
}
