/* SPDX-License-Identifier: Apache-2.0
 *
 * One of four processes of a server gets nearly all requests; the others are idle.
 * expects: uneven_processes process|pid|hot_process
 * not: descheduled
 */
#include "../scenario.h"

#include <sys/wait.h>

#define PROCESSES 4

static uv_pipe_t ours;

static void serve_request(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t answer = uv_buf_init("k", 1);

	(void)buffer;
	if (bytes < 0) {
		uv_close((uv_handle_t *)stream, NULL);
		return;
	}
	spin_us(700);
	uv_try_write(stream, &answer, 1);
}

static void serve(int fd)
{
	uv_loop_t loop;

	check(uv_loop_init(&loop), "uv_loop_init");
	check(uv_pipe_init(&loop, &ours, 0), "uv_pipe_init");
	check(uv_pipe_open(&ours, fd), "uv_pipe_open");
	check(uv_read_start((uv_stream_t *)&ours, give_buffer, serve_request), "uv_read_start");
	uv_run(&loop, UV_RUN_DEFAULT);
	exit(0);
}

static void ask(int fd)
{
	char byte;

	if (write(fd, "q", 1) != 1 || read(fd, &byte, 1) != 1)
		exit(99);
}

int main(void)
{
	int fds[PROCESSES][2];

	for (int i = 0; i < PROCESSES; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]) != 0)
			return 99;
		if (fork() == 0) {
			for (int k = 0; k <= i; k++)
				close(fds[k][0]);
			serve(fds[i][1]);
		}
		close(fds[i][1]);
	}
	uint64_t end = uv_hrtime() + 2000000000ull;
	for (int i = 0; uv_hrtime() < end; i++)
		ask(fds[i % 50 == 0 ? i / 50 % PROCESSES : 0][0]);
	for (int i = 0; i < PROCESSES; i++)
		close(fds[i][0]);
	while (wait(NULL) > 0)
		;
	return 0;
}
