/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer repeats every 200 ms and its callback takes 150 ms: libuv counts from an old uv_now, and
 * it comes every 350 ms. The kernel has no part in that.
 * expects: blocked_syscall publish
 * not: late_timers
 * never: 100% until the kernel
 * load: light
 */
#include "../scenario.h"

static void publish(uv_timer_t *timer)
{
	static int rounds;

	uv_sleep(150);
	if (++rounds == 22)
		uv_timer_stop(timer);
}

int main(void)
{
	uv_timer_t each;

	check(uv_timer_init(uv_default_loop(), &each), "uv_timer_init");
	check(uv_timer_start(&each, publish, 0, 200), "uv_timer_start");
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
