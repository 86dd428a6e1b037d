/* SPDX-License-Identifier: Apache-2.0
 *
 * Work in slices of 1 ms in an idle callback, for a while; then the handle is stopped.
 * expects: healthy
 * not: spinning
 */
#include "../scenario.h"

static uv_idle_t slices;
static int left;

static void work_a_slice(uv_idle_t *idle)
{
	spin_us(1000);
	if (--left == 0)
		uv_idle_stop(idle);
}

static void begin(uv_timer_t *timer)
{
	(void)timer;
	left = 40;
	uv_idle_start(&slices, work_a_slice);
}

int main(void)
{
	uv_timer_t timer;

	check(uv_idle_init(uv_default_loop(), &slices), "uv_idle_init");
	every(uv_default_loop(), &timer, begin, 250);
	run_for(uv_default_loop(), 1800);
	return 0;
}
