/* SPDX-License-Identifier: Apache-2.0
 *
 * Work on the pool waits, for something else, three at a time on four threads.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static uv_work_t works[3];
static uint64_t end_ns;

static void wait_for_service(uv_work_t *work)
{
	(void)work;
	usleep(30000);
}

static void again(uv_work_t *work, int status)
{
	(void)status;
	if (uv_hrtime() < end_ns)
		uv_queue_work(uv_default_loop(), work, wait_for_service, again);
}

int main(void)
{
	end_ns = uv_hrtime() + 1800000000ull;
	for (int i = 0; i < 3; i++)
		uv_queue_work(uv_default_loop(), &works[i], wait_for_service, again);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
