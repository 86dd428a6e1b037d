/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback starts a program and waits for its end in a loop of its own, as execSync does.
 * expects: nested_loop ask_program
 * not: blocked_cpu
 */
#include "../scenario.h"

static void program_ended(uv_process_t *process, int64_t status, int signal)
{
	(void)status;
	(void)signal;
	uv_close((uv_handle_t *)process, NULL);
}

static void ask_program(uv_timer_t *timer)
{
	char *arguments[] = {"sleep", "0.3", NULL};
	uv_process_options_t options = {
	    .file = "sleep", .args = arguments, .exit_cb = program_ended};
	uv_process_t process;
	uv_loop_t loop;

	(void)timer;
	check(uv_loop_init(&loop), "uv_loop_init");
	check(uv_spawn(&loop, &process, &options), "uv_spawn");
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t each, ticks;

	every(uv_default_loop(), &ticks, tick, 20);
	every(uv_default_loop(), &each, ask_program, 700);
	run_for(uv_default_loop(), 2500);
	return 0;
}
