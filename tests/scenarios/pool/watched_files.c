/* SPDX-License-Identifier: Apache-2.0
 *
 * Thousands of files are looked at by uv_fs_poll every 100 ms: the pool is busy with that, and
 * other requests wait behind. More threads do not help: fewer files do.
 * expects: pool_small|pool_cpu|pool_herd fs_poll
 * severity: any
 * never: UV_THREADPOOL_SIZE=5
 */
#include "../scenario.h"

#include <fcntl.h>

#define FILES 4000

static uv_fs_poll_t polls[FILES];
static char names[FILES][16];
static uv_fs_t stat_request;
static int busy;

static void file_changed(uv_fs_poll_t *poll, int status, const uv_stat_t *before,
			 const uv_stat_t *now)
{
	(void)poll;
	(void)status;
	(void)before;
	(void)now;
}

static void page_seen(uv_fs_t *request)
{
	uv_fs_req_cleanup(request);
	busy = 0;
}

static void see_page(uv_timer_t *timer)
{
	if (busy)
		return;
	busy = 1;
	uv_fs_stat(timer->loop, &stat_request, "/", page_seen);
}

int main(void)
{
	uv_timer_t timer;

	for (int i = 0; i < FILES; i++) { /* in the scenario's own folder */
		snprintf(names[i], sizeof(names[i]), "f%d", i);
		int fd = open(names[i], O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		if (fd < 0)
			return 99;
		close(fd);
	}
	for (int i = 0; i < FILES; i++) {
		check(uv_fs_poll_init(uv_default_loop(), &polls[i]), "uv_fs_poll_init");
		check(uv_fs_poll_start(&polls[i], file_changed, names[i], 100), "uv_fs_poll_start");
	}
	every(uv_default_loop(), &timer, see_page, 20);
	run_for(uv_default_loop(), 2500);
	return 0;
}
