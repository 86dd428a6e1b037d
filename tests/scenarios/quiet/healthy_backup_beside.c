/* SPDX-License-Identifier: Apache-2.0
 *
 * A backup takes one pool thread for two seconds; other requests go past it.
 * expects: healthy
 * not: pending_request pool_small
 * load: light
 */
#include "../scenario.h"

static uv_work_t backup;
static uv_fs_t request;
static uv_timer_t pages;

static void make_backup(uv_work_t *work)
{
	(void)work;
	for (int i = 0; i < 40; i++)
		usleep(50000);
}

static void backup_done(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
	uv_timer_stop(&pages);
}

static void page_seen(uv_fs_t *done)
{
	uv_fs_req_cleanup(done);
}

static void see_page(uv_timer_t *timer)
{
	(void)timer;
	uv_fs_stat(uv_default_loop(), &request, "/", page_seen);
}

int main(void)
{
	uv_queue_work(uv_default_loop(), &backup, make_backup, backup_done);
	every(uv_default_loop(), &pages, see_page, 25);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
