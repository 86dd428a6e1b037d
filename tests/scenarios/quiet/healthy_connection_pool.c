/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens 80 connections at its start, and uses them in turn.
 * expects: healthy
 * not: handle_growth
 * load: light
 */
#include "../scenario.h"

#define CONNECTIONS 80

static uv_pipe_t ours[CONNECTIONS], theirs[CONNECTIONS];

static void came(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)bytes;
	(void)buffer;
}

static void use_next(uv_timer_t *timer)
{
	uv_buf_t buffer = uv_buf_init("query", 5);
	static unsigned next;

	(void)timer;
	uv_try_write((uv_stream_t *)&theirs[next++ % CONNECTIONS], &buffer, 1);
}

int main(void)
{
	uv_timer_t timer;

	for (int i = 0; i < CONNECTIONS; i++) {
		pipes_open(uv_default_loop(), &ours[i], &theirs[i]);
		check(uv_read_start((uv_stream_t *)&ours[i], give_buffer, came), "uv_read_start");
	}
	every(uv_default_loop(), &timer, use_next, 10);
	run_for(uv_default_loop(), 1600);
	return 0;
}
