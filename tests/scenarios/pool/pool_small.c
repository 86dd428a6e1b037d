/* SPDX-License-Identifier: Apache-2.0
 *
 * Bursts of requests that wait for something, and four threads for them.
 * expects: pool_small picture_scaled
 */
#include "../scenario.h"

static uv_work_t works[25];

static void scale_picture(uv_work_t *work)
{
	(void)work;
	usleep(20000);
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
	uv_timer_t timer;

	every(uv_default_loop(), &timer, order_pictures, 300);
	run_for(uv_default_loop(), 1500);
	return 0;
}
