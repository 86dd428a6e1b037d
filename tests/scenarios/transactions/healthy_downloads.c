/* SPDX-License-Identifier: Apache-2.0
 *
 * Pages of all sizes go to clients over lines of all speeds: some take longer to be read.
 * expects: healthy
 */
#include "../clients.h"

static char page[400000];
static int fds[4];

static void page_sent(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_write_t *request = bytes > 0 ? malloc(sizeof(*request)) : NULL;

	if (!request)
		return;
	uv_buf_t part = uv_buf_init(page, (unsigned)(*buffer->base - 'a' + 1) * 40000);
	check(uv_write(request, client, &part, 1, page_sent), "uv_write");
}

/* Reads a few pieces, then waits: the further away, the longer. */
static void *download(void *arg)
{
	unsigned line = (unsigned)(size_t)arg;

	for (unsigned i = 0; i < 100; i++) {
		static __thread char bytes[20000];
		char size = (char)('a' + i % 10);
		size_t left = (i % 10 + 1) * 40000;
		if (write(fds[line], &size, 1) != 1)
			break;
		while (left > 0) {
			ssize_t got = read(fds[line], bytes, sizeof(bytes));
			if (got <= 0)
				return NULL;
			left -= (size_t)got;
			usleep(200 * (line + 1));
		}
		usleep(3000);
	}
	return NULL;
}

int main(void)
{
	uv_pipe_t pipes[4];
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++) {
		int both[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0)
			return 99;
		fds[i] = both[1];
		check(uv_pipe_init(uv_default_loop(), &pipes[i], 0), "uv_pipe_init");
		check(uv_pipe_open(&pipes[i], both[0]), "uv_pipe_open");
		check(uv_read_start((uv_stream_t *)&pipes[i], give_buffer, on_request),
		      "uv_read_start");
		if (pthread_create(&threads[i], NULL, download, (void *)i) != 0)
			return 99;
	}
	run_for(uv_default_loop(), 2500);
	return 0;
}
