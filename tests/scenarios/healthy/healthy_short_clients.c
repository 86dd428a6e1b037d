/* SPDX-License-Identifier: Apache-2.0
 *
 * A server answers many short connections, and closes each of them.
 * expects: healthy
 * not: unclosed_handles handle_growth
 */
#include "../scenario.h"

static struct sockaddr_in at;
static uv_tcp_t server;

static void client_said(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t answer = uv_buf_init("bye", 3);

	(void)buffer;
	if (bytes > 0)
		uv_try_write(client, &answer, 1);
	uv_close((uv_handle_t *)client, (uv_close_cb)free);
}

static void client_came(uv_stream_t *stream, int status)
{
	uv_tcp_t *client = malloc(sizeof(*client));

	if (status < 0 || !client)
		return;
	uv_tcp_init(stream->loop, client);
	uv_accept(stream, (uv_stream_t *)client);
	uv_read_start((uv_stream_t *)client, give_buffer, client_said);
}

static void ask(void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++) {
		int fd = tcp_join(&at);
		char bytes[8];

		if (write(fd, "hi", 2) != 2 || read(fd, bytes, sizeof(bytes)) < 0)
			return;
		close(fd);
		usleep(2500);
	}
}

int main(void)
{
	uv_thread_t thread;

	at = tcp_listen(uv_default_loop(), &server, client_came);
	check(uv_thread_create(&thread, ask, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 1800);
	uv_thread_join(&thread);
	return 0;
}
