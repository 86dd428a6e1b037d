/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies 200 MB through a stream; while its queue is long, nothing is added.
 * expects: healthy
 * not: request_growth
 */
#include "../scenario.h"

#define PIECES 3000

static uv_pipe_t ours, theirs;
static char piece[65536];
static int written, done;

static void write_more(void);

static void piece_sent(uv_write_t *request, int status)
{
	(void)status;
	free(request);
	done++;
	write_more();
}

static void write_more(void)
{
	uv_buf_t buffer = uv_buf_init(piece, sizeof(piece));

	while (written < PIECES && uv_stream_get_write_queue_size((uv_stream_t *)&ours) < 262144) {
		uv_write_t *request = malloc(sizeof(*request));

		if (!request)
			exit(99);
		written++;
		uv_write(request, (uv_stream_t *)&ours, &buffer, 1, piece_sent);
	}
	if (done == PIECES)
		uv_close((uv_handle_t *)&ours, NULL);
}

static void piece_came(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes < 0)
		uv_close((uv_handle_t *)stream, NULL);
}

int main(void)
{
	pipes_open(uv_default_loop(), &ours, &theirs);
	check(uv_read_start((uv_stream_t *)&theirs, give_buffer, piece_came), "uv_read_start");
	write_more();
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
