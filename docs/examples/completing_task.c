/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything as it should be: a task goes to the pool, its work is done there while the loop waits,
 * and the loop hears of it. There is nothing to report: no long poll, nothing pending, no worker
 * idle beside a queue.
 *
 *     scripts/uvtrace -- build/examples/completing_task
 *     build/analyze_trace
 */
#include <stdio.h>
#include <uv.h>

static uv_work_t task;
static long sum;
static int status_seen = -1;

static void compute(uv_work_t *work)
{
	(void)work;
	for (int i = 1; i <= 1000; i++)
		sum += i;
}

static void computed(uv_work_t *work, int status)
{
	(void)work;
	status_seen = status;
}

int main(void)
{
	uv_queue_work(uv_default_loop(), &task, compute, computed);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("the task ended with status %d, the sum is %ld\n", status_seen, sum);
	return status_seen;
}
