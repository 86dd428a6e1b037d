/* SPDX-License-Identifier: Apache-2.0
 *
 * Three loops that serve; one does nearly all the work.
 * expects: hot_loop hot
 */
#include "../scenario.h"

#include <pthread.h>

static void serve(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t reply = uv_buf_init(buffer->base, 1);

	if (!stream->data) /* nobody waits for an answer */
		return;
	if (bytes > 0)
		uv_try_write(stream, &reply, 1);
	spin_us(300);
}

/* Two that talk without a pause. */
static void conversation_start(uv_pipe_t *ours, uv_pipe_t *theirs)
{
	uv_buf_t first = uv_buf_init("x", 1);

	ours->data = theirs->data = ours;
	check(uv_read_start((uv_stream_t *)ours, give_buffer, serve), "uv_read_start");
	check(uv_read_start((uv_stream_t *)theirs, give_buffer, serve), "uv_read_start");
	uv_try_write((uv_stream_t *)theirs, &first, 1);
}

static void say_something(uv_timer_t *timer)
{
	uv_buf_t word = uv_buf_init("x", 1);

	if (timer->data)
		uv_try_write(timer->data, &word, 1);
}

static void run_loop(void *arg)
{
	uv_loop_t loop;
	uv_pipe_t ours, theirs;
	uv_timer_t timer;

	pthread_setname_np(pthread_self(), arg ? "hot" : "cold");
	check(uv_loop_init(&loop), "uv_loop_init");
	pipes_open(&loop, &ours, &theirs);
	every(&loop, &timer, say_something, 20);
	timer.data = arg ? NULL : &theirs;
	if (arg)
		conversation_start(&ours, &theirs);
	else
		check(uv_read_start((uv_stream_t *)&ours, give_buffer, serve), "uv_read_start");
	run_for(&loop, 1200);
}

int main(void)
{
	uv_thread_t threads[3];

	for (int i = 0; i < 3; i++)
		check(uv_thread_create(&threads[i], run_loop, i == 1 ? &threads : NULL),
		      "uv_thread_create");
	for (int i = 0; i < 3; i++)
		uv_thread_join(&threads[i]);
	return 0;
}
