/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer's callback computes for 100 ms and reads the clock meanwhile, by libuv one time and by
 * itself the next. The loop has nothing else but a prepare and two check handles, as node has:
 * nobody waits for it.
 * expects: blocked_cpu compute
 * severity: any
 * costs: 0 60
 * never: uv_timer_start
 */
#include <stdbool.h>

#include "../scenario.h"

static void before_wait(uv_prepare_t *prepare)
{
	(void)prepare;
}

static void after_wait(uv_check_t *check_handle)
{
	(void)check_handle;
}

/* On the clock of uv_hrtime(). */
static uint64_t now_ns(bool by_libuv)
{
	struct timespec now;

	if (by_libuv)
		return uv_hrtime();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void compute(uv_timer_t *timer)
{
	static int rounds;
	bool by_libuv = rounds % 2 == 0;
	uint64_t end = now_ns(by_libuv) + 100000000;

	while (now_ns(by_libuv) < end)
		;
	if (++rounds == 7)
		uv_stop(timer->loop);
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_check_t checks[2];
	uv_prepare_t prepare;
	uv_timer_t timer;

	uv_prepare_init(loop, &prepare);
	uv_prepare_start(&prepare, before_wait);
	for (int i = 0; i < 2; i++) {
		uv_check_init(loop, &checks[i]);
		uv_check_start(&checks[i], after_wait);
	}
	check(uv_timer_init(loop, &timer), "uv_timer_init");
	check(uv_timer_start(&timer, compute, 200, 250), "uv_timer_start");
	return uv_run(loop, UV_RUN_DEFAULT) < 0;
}
