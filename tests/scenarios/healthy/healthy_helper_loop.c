/* SPDX-License-Identifier: Apache-2.0
 *
 * A busy server, and a loop of the runtime's own for timers and messages, which is idle.
 * expects: healthy
 */
#include "../scenario.h"

static uv_loop_t scheduler;
static uv_async_t message;
static uv_pipe_t ours, theirs;

static void serve(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t reply = uv_buf_init(buffer->base, 1);

	if (bytes > 0)
		uv_try_write(stream, &reply, 1);
	spin_us(300);
	uv_async_send(&message);
}

static void take_message(uv_async_t *async)
{
	(void)async;
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void run_scheduler(void *arg)
{
	uv_timer_t timer;

	(void)arg;
	every(&scheduler, &timer, tick, 20);
	run_for(&scheduler, 1000);
}

int main(void)
{
	uv_buf_t first = uv_buf_init("x", 1);
	uv_thread_t thread;

	check(uv_loop_init(&scheduler), "uv_loop_init");
	check(uv_async_init(&scheduler, &message, take_message), "uv_async_init");
	check(uv_thread_create(&thread, run_scheduler, NULL), "uv_thread_create");
	pipes_open(uv_default_loop(), &ours, &theirs);
	check(uv_read_start((uv_stream_t *)&ours, give_buffer, serve), "uv_read_start");
	check(uv_read_start((uv_stream_t *)&theirs, give_buffer, serve), "uv_read_start");
	uv_try_write((uv_stream_t *)&theirs, &first, 1);
	run_for(uv_default_loop(), 1000);
	uv_thread_join(&thread);
	return 0;
}
