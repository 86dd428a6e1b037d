/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends by exit() in a callback while work is on its way: nobody waits any more.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static uv_work_t works[4];

static void fetch(uv_work_t *work)
{
	(void)work;
	usleep(300000);
}

static void fetched(uv_work_t *work, int status)
{
	(void)status;
	uv_queue_work(uv_default_loop(), work, fetch, fetched);
}

static void quit(uv_timer_t *timer)
{
	(void)timer;
	exit(0);
}

int main(void)
{
	uv_timer_t timer;

	for (int i = 0; i < 4; i++)
		uv_queue_work(uv_default_loop(), &works[i], fetch, fetched);
	check(uv_timer_init(uv_default_loop(), &timer), "uv_timer_init");
	check(uv_timer_start(&timer, quit, 1500, 0), "uv_timer_start");
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
