/* SPDX-License-Identifier: Apache-2.0
 *
 * Updates are written to a client that reads slowly; nobody looks at the size of the queue.
 * expects: request_growth update_sent
 */
#include "../scenario.h"

static uv_pipe_t ours;
static char update[4096];

static void update_sent(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void publish(uv_timer_t *timer)
{
	uv_buf_t buffer = uv_buf_init(update, sizeof(update));

	(void)timer;
	for (int i = 0; i < 4; i++) {
		uv_write_t *request = malloc(sizeof(*request));

		if (request)
			uv_write(request, (uv_stream_t *)&ours, &buffer, 1, update_sent);
	}
}

static void read_slowly(void *arg)
{
	char bytes[4096];
	int fd = *(int *)arg;

	while (read(fd, bytes, sizeof(bytes)) > 0)
		usleep(4000);
}

int main(void)
{
	uv_thread_t thread;
	uv_timer_t timer;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return 99;
	check(uv_pipe_init(uv_default_loop(), &ours, 0), "uv_pipe_init");
	check(uv_pipe_open(&ours, fds[0]), "uv_pipe_open");
	check(uv_thread_create(&thread, read_slowly, &fds[1]), "uv_thread_create");
	every(uv_default_loop(), &timer, publish, 5);
	run_for(uv_default_loop(), 2500);
	return 0; /* the thread ends with the program */
}
