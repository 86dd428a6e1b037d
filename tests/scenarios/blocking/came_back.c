/* SPDX-License-Identifier: Apache-2.0
 *
 * One long callback, many short ones, then somebody ends the program:
 * the thread that drains dies with it.
 * expects: blocked|blocked_cpu long_first
 * env: UVTRACE_DRAIN=thread UVTRACE_STALL_MS=0
 * never: not return
 */
#include "../scenario.h"

#include <signal.h>

static void long_first(uv_timer_t *timer)
{
	static int runs;

	(void)timer;
	if (runs++ == 0)
		spin_us(40000);
	if (runs == 20 && fork() == 0) {
		usleep(20500);
		kill(getppid(), SIGKILL);
		_exit(0);
	}
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, long_first, 2);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
