/* SPDX-License-Identifier: Apache-2.0
 *
 * Three processes of a server get the same work.
 * expects: healthy
 * not: uneven_processes
 */
#include "../scenario.h"

#include <sys/wait.h>

static void serve_a_bit(uv_timer_t *timer)
{
	(void)timer;
	spin_us(500);
}

static void serve(void)
{
	uv_timer_t timer;
	uv_loop_t loop;

	check(uv_loop_init(&loop), "uv_loop_init");
	every(&loop, &timer, serve_a_bit, 5);
	run_for(&loop, 1500);
	exit(0);
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		if (fork() == 0)
			serve();
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
