/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback runs a small loop of its own, for 2 ms.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static void inner_over(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

static void ask_shortly(uv_timer_t *timer)
{
	uv_loop_t loop;
	uv_timer_t inner;

	(void)timer;
	check(uv_loop_init(&loop), "uv_loop_init");
	uv_timer_init(&loop, &inner);
	uv_timer_start(&inner, inner_over, 2, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, ask_shortly, 100);
	run_for(uv_default_loop(), 1800);
	return 0;
}
