/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that tells the trace what it does: each request is a span from its arrival to its
 * answer, over a callback of the loop, work on the pool, and another callback; the size of each
 * answer is a mark. One request makes its callback slow, and the report says which one: its long
 * poll is shown with the span that it served.
 *
 *     scripts/uvtrace -- build/examples/marked_requests
 *     build/analyze_trace uvtrace.data
 *     build/trace_to_jsonl uvtrace.data | grep Span
 *
 * uvtrace.h is all that it needs; without the preload the calls do nothing.
 */
#include <stdio.h>
#include <uv.h>

#include "uvtrace.h"

#define REQUESTS     40
#define SLOW_REQUEST 23
#define SLOW_MS	     60

struct request {
	uv_work_t work;
	uint64_t id;
	uint64_t bytes;
};

static struct request requests[REQUESTS];
static uv_timer_t arrivals;
static int arrived, answered;

static void wait_ms(uint64_t ms)
{
	uint64_t end = uv_hrtime() + ms * 1000000;

	while (uv_hrtime() < end)
		;
}

/* On the pool. */
static void look_up(uv_work_t *work)
{
	struct request *request = (struct request *)work;

	request->bytes = 1000 + request->id % 7 * 500;
	wait_ms(1);
}

/* On the loop again: answering one of them takes long. */
static void answer(uv_work_t *work, int status)
{
	struct request *request = (struct request *)work;
	const struct uvtrace_field fields[] = {{"status", status == 0 ? 200 : 500},
					       {"bytes", request->bytes}};

	if (request->id == SLOW_REQUEST)
		wait_ms(SLOW_MS);
	uvtrace_mark("answer bytes", request->bytes);
	uvtrace_end_fields("request", request->id, fields, 2);
	answered++;
}

static void request_arrives(uv_timer_t *timer)
{
	struct request *request = &requests[arrived++];

	request->id = (uint64_t)arrived;
	uvtrace_begin("request", request->id);
	uv_queue_work(timer->loop, &request->work, look_up, answer);
	if (arrived == REQUESTS)
		uv_timer_stop(timer);
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();

	uv_timer_init(loop, &arrivals);
	uv_timer_start(&arrivals, request_arrives, 1, 5);
	uv_run(loop, UV_RUN_DEFAULT);
	printf("answered %d requests; request %d held the loop for %d ms\n", answered, SLOW_REQUEST,
	       SLOW_MS);
	return 0;
}
