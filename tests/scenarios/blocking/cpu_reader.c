/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages are parsed, slowly, where they arrive; small ones go by unharmed.
 * expects: blocked_cpu parse_message
 */
#include "../scenario.h"

static uv_pipe_t ours, theirs;
static unsigned ticks;

static void parse_message(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)buffer;
	spin_us(bytes > 10 ? 50000 : 10);
}

static void send_message(uv_timer_t *timer)
{
	uv_buf_t buffer = uv_buf_init("a message that is longer", ++ticks % 20 == 0 ? 24 : 5);

	(void)timer;
	uv_try_write((uv_stream_t *)&theirs, &buffer, 1);
}

int main(void)
{
	uv_timer_t timer;

	pipes_open(uv_default_loop(), &ours, &theirs);
	check(uv_read_start((uv_stream_t *)&ours, give_buffer, parse_message), "uv_read_start");
	every(uv_default_loop(), &timer, send_message, 10);
	run_for(uv_default_loop(), 1500);
	return 0;
}
