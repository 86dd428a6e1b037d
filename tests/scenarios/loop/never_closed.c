/* SPDX-License-Identifier: Apache-2.0
 *
 * A server stops reading at a client's end and never calls uv_close: descriptors pile up.
 * expects: unclosed_handles client_came|client_said|main
 */
#include "../scenario.h"

static struct sockaddr_in at;
static volatile int over;

static void client_said(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes < 0)
		uv_read_stop(client); /* uv_close is missing */
}

static void client_came(uv_stream_t *server, int status)
{
	uv_tcp_t *client = malloc(sizeof(*client));

	if (status < 0 || !client)
		return;
	uv_tcp_init(server->loop, client);
	uv_accept(server, (uv_stream_t *)client);
	uv_read_start((uv_stream_t *)client, give_buffer, client_said);
}

static void come_and_go(void *arg)
{
	(void)arg;
	while (!over) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
		    write(fd, "hello", 5) != 5)
			break;
		close(fd);
		usleep(5000);
	}
}

int main(void)
{
	uv_thread_t thread;
	uv_tcp_t server;

	at = tcp_listen(uv_default_loop(), &server, client_came);
	check(uv_thread_create(&thread, come_and_go, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 3000);
	over = 1;
	uv_thread_join(&thread);
	return 0;
}
