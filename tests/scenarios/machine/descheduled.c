/* SPDX-License-Identifier: Apache-2.0
 *
 * Four other processes compute on the one CPU that the program may use.
 * expects: descheduled worker
 */
#include "../scenario.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define OTHERS 4

static void work_a_bit(uv_timer_t *timer)
{
	(void)timer;
	spin_us(1000);
}

int main(void)
{
	uv_timer_t timer;
	cpu_set_t one;
	pid_t children[OTHERS];

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < OTHERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			spin_us(3000000);
			_exit(0);
		}
	}
	every(uv_default_loop(), &timer, work_a_bit, 2);
	run_for(uv_default_loop(), 1800);
	for (int i = 0; i < OTHERS; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	return 0;
}
