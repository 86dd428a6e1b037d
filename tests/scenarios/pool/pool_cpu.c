/* SPDX-License-Identifier: Apache-2.0
 *
 * Bursts of requests that compute, and more threads than CPUs: files that are looked at meanwhile
 * wait behind them.
 * expects: pool_cpu picture_scaled
 * env: UV_THREADPOOL_SIZE=8
 * says: Do not raise UV_THREADPOOL_SIZE
 */
#include "../scenario.h"

#include <sched.h>

static uv_work_t works[25];
static uv_fs_t look;
static int looking;

static void scale_picture(uv_work_t *work)
{
	(void)work;
	spin_us(4000);
}

static void page_found(uv_fs_t *request)
{
	uv_fs_req_cleanup(request);
	looking = 0;
}

static void find_page(uv_timer_t *timer)
{
	(void)timer;
	if (!looking)
		looking = uv_fs_stat(uv_default_loop(), &look, "/etc/hostname", page_found) == 0;
}

static void picture_scaled(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

static void order_pictures(uv_timer_t *timer)
{
	(void)timer;
	for (int i = 0; i < 25; i++)
		uv_queue_work(uv_default_loop(), &works[i], scale_picture, picture_scaled);
}

int main(void)
{
	cpu_set_t two;
	uv_timer_t timer, finder;

	CPU_ZERO(&two);
	CPU_SET(0, &two);
	CPU_SET(1, &two);
	sched_setaffinity(0, sizeof(two), &two);
	every(uv_default_loop(), &timer, order_pictures, 300);
	every(uv_default_loop(), &finder, find_page, 10);
	run_for(uv_default_loop(), 1500);
	return 0;
}
