/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback sleeps until something else may be ready.
 * expects: blocked_syscall wait_for_peer
 */
#include "../scenario.h"

static void wait_for_peer(uv_timer_t *timer)
{
	(void)timer;
	usleep(90000);
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, wait_for_peer, 300);
	run_for(uv_default_loop(), 1500);
	return 0;
}
