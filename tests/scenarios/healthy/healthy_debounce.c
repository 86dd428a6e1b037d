/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer is started again with each key, and fires when there are no more.
 * expects: healthy
 * not: late_timers early_timers
 * load: light
 */
#include "../scenario.h"

static uv_timer_t debounce;
static int saves;

static void save(uv_timer_t *timer)
{
	(void)timer;
	saves++;
}

static void key_pressed(uv_timer_t *timer)
{
	static int keys;

	(void)timer;
	if (++keys % 20 < 12)
		uv_timer_start(&debounce, save, 60, 0);
}

int main(void)
{
	uv_timer_t keys;

	check(uv_timer_init(uv_default_loop(), &debounce), "uv_timer_init");
	every(uv_default_loop(), &keys, key_pressed, 15);
	run_for(uv_default_loop(), 1800);
	return saves == 0;
}
