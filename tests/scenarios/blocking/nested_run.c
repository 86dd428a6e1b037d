/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback runs a loop of its own to its end, which only waits: 200 ms, no computing.
 * expects: nested_loop run_tool
 * not: blocked_cpu
 */
#include "../scenario.h"

static void tool_ended(uv_timer_t *timer)
{
	uv_close((uv_handle_t *)timer, NULL);
}

static void run_tool(uv_timer_t *timer)
{
	uv_loop_t loop;
	uv_timer_t tool;

	(void)timer;
	check(uv_loop_init(&loop), "uv_loop_init");
	uv_timer_init(&loop, &tool);
	uv_timer_start(&tool, tool_ended, 200, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	check(uv_loop_close(&loop), "uv_loop_close");
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t each, ticks;

	every(uv_default_loop(), &ticks, tick, 20);
	every(uv_default_loop(), &each, run_tool, 400);
	run_for(uv_default_loop(), 2000);
	return 0;
}
