/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines are written to a peer that is too slow, faster and faster ahead of it.
 * expects: request_growth line_sent
 */
#include "../scenario.h"

static uv_pipe_t ours, theirs;
static char line[16384];

static void line_sent(uv_write_t *write, int status)
{
	(void)status;
	free(write);
}

static void send_line(uv_timer_t *timer)
{
	uv_write_t *write = malloc(sizeof(*write));
	uv_buf_t buffer = uv_buf_init(line, sizeof(line));

	(void)timer;
	check(uv_write(write, (uv_stream_t *)&ours, &buffer, 1, line_sent), "uv_write");
}

int main(void)
{
	uv_timer_t timer;

	pipes_open(uv_default_loop(), &ours, &theirs);
	every(uv_default_loop(), &timer, send_line, 4);
	run_for(uv_default_loop(), 2000);
	return 0;
}
