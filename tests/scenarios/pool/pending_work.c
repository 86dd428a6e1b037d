/* SPDX-License-Identifier: Apache-2.0
 *
 * A backup on the pool that does not end.
 * expects: pending_request backup_done
 */
#include "../scenario.h"

static volatile int over;

static void back_up(uv_work_t *work)
{
	(void)work;
	while (!over)
		usleep(10000);
}

static void backup_done(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

int main(void)
{
	static uv_work_t work; /* outlives main: the pool thread ends after it */

	check(uv_queue_work(uv_default_loop(), &work, back_up, backup_done), "uv_queue_work");
	run_for(uv_default_loop(), 6500);
	over = 1; /* libuv waits for its threads, not for the callback */
	return 0;
}
