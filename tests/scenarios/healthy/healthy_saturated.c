/* SPDX-License-Identifier: Apache-2.0
 *
 * Ten conversations as fast as one loop can: it is never idle, and nobody waits for long.
 * expects: healthy
 * env: UVTRACE_RING_SIZE=16M
 */
#include "../scenario.h"

static uv_pipe_t ours[10], theirs[10];

static void answer(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t reply = uv_buf_init(buffer->base, 1);

	if (bytes > 0)
		uv_try_write(stream, &reply, 1);
	spin_us(10);
}

int main(void)
{
	uv_buf_t first = uv_buf_init("x", 1);

	for (int i = 0; i < 10; i++) {
		pipes_open(uv_default_loop(), &ours[i], &theirs[i]);
		check(uv_read_start((uv_stream_t *)&ours[i], give_buffer, answer), "uv_read_start");
		check(uv_read_start((uv_stream_t *)&theirs[i], give_buffer, answer),
		      "uv_read_start");
		uv_try_write((uv_stream_t *)&theirs[i], &first, 1);
	}
	run_for(uv_default_loop(), 1000);
	return 0;
}
