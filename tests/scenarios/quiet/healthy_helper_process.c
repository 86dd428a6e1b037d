/* SPDX-License-Identifier: Apache-2.0
 *
 * A busy process and one beside it that only keeps a log: they are no peers.
 * expects: healthy
 * not: uneven_processes
 */
#include "../scenario.h"

#include <sys/wait.h>

static void serve_a_bit(uv_timer_t *timer)
{
	(void)timer;
	spin_us(2000);
}

static void flush_log(uv_timer_t *timer)
{
	(void)timer;
}

static void run(uv_timer_cb callback, unsigned ms)
{
	uv_timer_t timer;
	uv_loop_t loop;

	check(uv_loop_init(&loop), "uv_loop_init");
	every(&loop, &timer, callback, ms);
	run_for(&loop, 1500);
}

int main(void)
{
	if (fork() == 0) {
		run(flush_log, 200);
		exit(0);
	}
	run(serve_a_bit, 3);
	wait(NULL);
	return 0;
}
