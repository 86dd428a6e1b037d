/* SPDX-License-Identifier: Apache-2.0
 *
 * As much work on the pool as it has threads, all the time.
 * expects: healthy
 */
#include "../scenario.h"

static uv_work_t works[4];
static uv_timer_t timer;
static int over;

static void wait_a_bit(uv_work_t *work)
{
	(void)work;
	usleep(2000);
}

static void again(uv_work_t *work, int status)
{
	(void)status;
	if (!over)
		uv_queue_work(uv_default_loop(), work, wait_a_bit, again);
}

static void end(uv_timer_t *handle)
{
	(void)handle;
	over = 1;
}

int main(void)
{
	for (int i = 0; i < 4; i++)
		again(&works[i], 0);
	check(uv_timer_init(uv_default_loop(), &timer), "uv_timer_init");
	check(uv_timer_start(&timer, end, 1000, 0), "uv_timer_start");
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 0;
}
