/* SPDX-License-Identifier: Apache-2.0
 *
 * Retries are put off by 20 ms, behind work that uv_now() knows nothing of yet: they come much
 * sooner. Other descriptors keep the loop turning, so no wait is long.
 *
 * expects: early_timers retry
 */
#include "../scenario.h"

static uv_pipe_t a, b;
static uv_timer_t retry_timer, work_timer;

static void retry(uv_timer_t *timer)
{
	(void)timer;
}

static void work(uv_timer_t *timer)
{
	(void)timer;
	spin_us(12000);
	check(uv_timer_start(&retry_timer, retry, 20, 0), "uv_timer_start");
}

static void on_written(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void chatter(uv_timer_t *timer)
{
	uv_write_t *request = malloc(sizeof(*request));
	uv_buf_t buffer = uv_buf_init((char *)"x", 1);

	(void)timer;
	check(uv_write(request, (uv_stream_t *)&a, &buffer, 1, on_written), "uv_write");
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)bytes;
	(void)buffer;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	uv_timer_t timer;

	pipes_open(loop, &a, &b);
	check(uv_read_start((uv_stream_t *)&b, give_buffer, on_read), "uv_read_start");
	check(uv_timer_init(loop, &retry_timer), "uv_timer_init");
	every(loop, &timer, chatter, 2);
	every(loop, &work_timer, work, 200);
	run_for(loop, 2000);
	return 0;
}
