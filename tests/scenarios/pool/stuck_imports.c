/* SPDX-License-Identifier: Apache-2.0
 *
 * Work on the pool waits for other work, which is queued behind it: all threads hang, and so does
 * everything that uses the pool. Somebody ends the program after a while.
 * expects: pool_stuck import_file
 * env: UVTRACE_PENDING_SECONDS=2
 */
#include "../scenario.h"

#define FILES 6

static uv_work_t imports[FILES], parts[FILES];
static uv_sem_t part_done[FILES];
static uv_fs_t stats[3];

static void make_part(uv_work_t *work)
{
	uv_sem_post(&part_done[work - parts]);
}

static void import_file(uv_work_t *work)
{
	uv_sem_wait(&part_done[work - imports]);
}

static void import_over(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

static void stat_over(uv_fs_t *stat)
{
	uv_fs_req_cleanup(stat);
}

static void start(uv_timer_t *timer)
{
	uv_loop_t *loop = timer->loop;

	for (int i = 0; i < FILES; i++) {
		check(uv_sem_init(&part_done[i], 0), "uv_sem_init");
		uv_queue_work(loop, &imports[i], import_file, import_over);
	}
	for (int i = 0; i < FILES; i++)
		uv_queue_work(loop, &parts[i], make_part, import_over);
	for (int i = 0; i < 3; i++)
		uv_fs_stat(loop, &stats[i], "/", stat_over);
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	uv_timer_t begin, ticks;

	check(uv_timer_init(uv_default_loop(), &begin), "uv_timer_init");
	check(uv_timer_start(&begin, start, 200, 0), "uv_timer_start");
	every(uv_default_loop(), &ticks, tick, 100);
	run_for(uv_default_loop(), 4000);
	_exit(0); /* exit() would wait for the pool */
}
