/* SPDX-License-Identifier: Apache-2.0
 *
 * Three hundred clients speak at once; each is served quickly, the last one late.
 * expects: crowded_turn serve_client
 */
#include "../scenario.h"

#define CLIENTS 300

static uv_pipe_t ours[CLIENTS], theirs[CLIENTS];

static void serve_client(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)stream;
	(void)bytes;
	(void)buffer;
	spin_us(250);
}

static void all_speak(uv_timer_t *timer)
{
	uv_buf_t buffer = uv_buf_init("hello", 5);

	(void)timer;
	for (int i = 0; i < CLIENTS; i++)
		uv_try_write((uv_stream_t *)&theirs[i], &buffer, 1);
}

int main(void)
{
	uv_timer_t timer;

	for (int i = 0; i < CLIENTS; i++) {
		pipes_open(uv_default_loop(), &ours[i], &theirs[i]);
		check(uv_read_start((uv_stream_t *)&ours[i], give_buffer, serve_client),
		      "uv_read_start");
	}
	every(uv_default_loop(), &timer, all_speak, 300);
	run_for(uv_default_loop(), 1500);
	return 0;
}
