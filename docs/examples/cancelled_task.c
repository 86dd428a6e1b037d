/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that is asked for and then called off: the pool's threads are busy, so a task waits in the
 * queue, and uv_cancel takes it out again. A timer is closed before it fires. The trace shows the
 * task as submitted and cancelled, its work function as never run, and the timer as closed without
 * a poll.
 *
 *     scripts/uvtrace -- build/examples/cancelled_task
 *     build/trace_to_jsonl uvtrace.data | grep Cancelled
 */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define POOL_THREADS 4

static uv_work_t busy[POOL_THREADS], task;
static uv_timer_t timer;
static uv_sem_t begun, go_on;
static int task_ran, task_status, timer_fired;

static void keep_thread_busy(uv_work_t *work)
{
	(void)work;
	uv_sem_post(&begun);
	uv_sem_wait(&go_on);
}

static void thread_free(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

static void run_task(uv_work_t *work)
{
	(void)work;
	task_ran = 1;
}

static void task_over(uv_work_t *work, int status)
{
	(void)work;
	task_status = status;
}

static void timer_fires(uv_timer_t *handle)
{
	(void)handle;
	timer_fired = 1;
}

static void timer_closed(uv_handle_t *handle)
{
	(void)handle;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	int cancelled;

	setenv("UV_THREADPOOL_SIZE", "4", 1);
	uv_sem_init(&begun, 0);
	uv_sem_init(&go_on, 0);
	for (int i = 0; i < POOL_THREADS; i++)
		uv_queue_work(loop, &busy[i], keep_thread_busy, thread_free);
	for (int i = 0; i < POOL_THREADS; i++)
		uv_sem_wait(&begun);

	uv_queue_work(loop, &task, run_task, task_over);
	cancelled = uv_cancel((uv_req_t *)&task);
	uv_timer_init(loop, &timer);
	uv_timer_start(&timer, timer_fires, 1000, 0);
	uv_close((uv_handle_t *)&timer, timer_closed);

	for (int i = 0; i < POOL_THREADS; i++)
		uv_sem_post(&go_on);
	uv_run(loop, UV_RUN_DEFAULT);
	printf("uv_cancel said %d; the task %s and ended with %s; the timer %s\n", cancelled,
	       task_ran ? "ran" : "never ran", uv_err_name(task_status),
	       timer_fired ? "fired" : "never fired");
	return 0;
}
