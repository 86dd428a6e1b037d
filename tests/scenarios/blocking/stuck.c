/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback that never comes back; another thread ends the program.
 * expects: blocked_syscall|blocked wait_for_ever
 */
#include "../scenario.h"

static void wait_for_ever(uv_timer_t *timer)
{
	(void)timer;
	for (;;)
		pause();
}

static void end_program(void *arg)
{
	(void)arg;
	usleep(1500000);
	exit(0);
}

int main(void)
{
	uv_timer_t timer;
	uv_thread_t thread;

	check(uv_thread_create(&thread, end_program, NULL), "uv_thread_create");
	every(uv_default_loop(), &timer, wait_for_ever, 50);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 0;
}
