/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers are large. One of the clients does not read its answer for a while: the write is not done
 * until it does.
 * expects: slow_transactions page_sent
 * says: outside of the program
 */
#include "../clients.h"

#define PAGE_BYTES 1000000

static char page[PAGE_BYTES];
static int slow_fd, fast_fd;

static void page_sent(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_write_t *request = bytes > 0 ? malloc(sizeof(*request)) : NULL;
	uv_buf_t whole = uv_buf_init(page, PAGE_BYTES);

	(void)buffer;
	if (request)
		check(uv_write(request, client, &whole, 1, page_sent), "uv_write");
}

static void ask_for_page(int fd, unsigned wait_us)
{
	static __thread char bytes[65536];

	if (write(fd, "x", 1) != 1)
		exit(99);
	usleep(wait_us);
	for (size_t have = 0; have < PAGE_BYTES;) {
		ssize_t got = read(fd, bytes, sizeof(bytes));
		if (got <= 0)
			return;
		have += (size_t)got;
	}
}

static void *ask_fast(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		ask_for_page(fast_fd, 0);
		usleep(4000);
	}
	return NULL;
}

static void *ask_slowly(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++) {
		ask_for_page(slow_fd, 250000);
		usleep(100000);
	}
	return NULL;
}

static int connect_client(uv_pipe_t *server_side)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		exit(99);
	check(uv_pipe_init(uv_default_loop(), server_side, 0), "uv_pipe_init");
	check(uv_pipe_open(server_side, fds[0]), "uv_pipe_open");
	check(uv_read_start((uv_stream_t *)server_side, give_buffer, on_request), "uv_read_start");
	return fds[1];
}

int main(void)
{
	uv_pipe_t fast, slow;
	pthread_t threads[2];

	fast_fd = connect_client(&fast);
	slow_fd = connect_client(&slow);
	if (pthread_create(&threads[0], NULL, ask_fast, NULL) != 0 ||
	    pthread_create(&threads[1], NULL, ask_slowly, NULL) != 0)
		return 99;
	run_for(uv_default_loop(), 2500);
	return 0;
}
