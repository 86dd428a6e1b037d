/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers that do not keep the loop, and one that does.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static void clean_up(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t timers[8], life;

	for (unsigned i = 0; i < 8; i++) {
		every(uv_default_loop(), &timers[i], clean_up, 40 + i);
		uv_unref((uv_handle_t *)&timers[i]);
	}
	check(uv_timer_init(uv_default_loop(), &life), "uv_timer_init");
	check(uv_timer_start(&life, clean_up, 1500, 0), "uv_timer_start");
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
