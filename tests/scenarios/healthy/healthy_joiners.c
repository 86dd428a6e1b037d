/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients join and stay, one every 15 ms: handles grow, but none of them has ended.
 * expects: healthy
 * not: handle_growth unclosed_handles
 * load: light
 */
#include "../scenario.h"

static struct sockaddr_in at;
static uv_tcp_t server;

static void client_said(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t answer = uv_buf_init("welcome", 7);

	(void)buffer;
	if (bytes > 0)
		uv_try_write(client, &answer, 1);
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

static void join_and_stay(void *arg)
{
	(void)arg;
	for (int i = 0; i < 130; i++) {
		if (write(tcp_join(&at), "hello", 5) != 5)
			return;
		usleep(15000);
	}
}

int main(void)
{
	uv_thread_t thread;

	at = tcp_listen(uv_default_loop(), &server, client_came);
	check(uv_thread_create(&thread, join_and_stay, NULL), "uv_thread_create");
	run_for(uv_default_loop(), 2300);
	uv_thread_join(&thread);
	return 0;
}
