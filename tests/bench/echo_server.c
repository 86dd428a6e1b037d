/* SPDX-License-Identifier: Apache-2.0
 *
 * A plain libuv echo server on 127.0.0.1: prints "port N", echoes until SIGTERM or SIGINT, prints
 * what it counted. What a callback does is as little as an echo server can do, so that a tracer's
 * cost shows.
 *
 * usage: echo_server
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define MESSAGE_BYTES 1024

struct message {
	uv_write_t write; /* first: a uv_write_t * is a struct message * */
	char data[MESSAGE_BYTES];
};

static uint64_t reads, writes, connections, ends;

static void connection_free(uv_handle_t *handle)
{
	free(handle);
}

static void echo_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct message *message = malloc(sizeof(*message));

	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(message ? message->data : NULL, message ? MESSAGE_BYTES : 0);
}

static struct message *message_of(const uv_buf_t *buf)
{
	return (struct message *)(buf->base - offsetof(struct message, data));
}

static void echo_written(uv_write_t *request, int status)
{
	(void)status;
	writes++;
	free(request);
}

static void echo_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct message *message = buf->base ? message_of(buf) : NULL;
	uv_buf_t reply;

	if (nread > 0) {
		reads++;
		reply = uv_buf_init(buf->base, (unsigned int)nread);
		if (uv_write(&message->write, stream, &reply, 1, echo_written) == 0)
			return;
	}
	free(message);
	if (nread < 0) {
		ends++;
		uv_close((uv_handle_t *)stream, connection_free);
	}
}

static void echo_connection(uv_stream_t *server, int status)
{
	uv_tcp_t *client = malloc(sizeof(*client));

	if (status < 0 || !client) {
		free(client);
		return;
	}
	connections++;
	uv_tcp_init(server->loop, client);
	if (uv_accept(server, (uv_stream_t *)client) || uv_tcp_nodelay(client, 1) ||
	    uv_read_start((uv_stream_t *)client, echo_alloc, echo_read))
		uv_close((uv_handle_t *)client, connection_free);
}

static void stop_all(uv_signal_t *handle, int signum)
{
	(void)signum;
	uv_stop(handle->loop);
}

static int server_listen(uv_loop_t *loop, uv_tcp_t *server)
{
	struct sockaddr_in address;
	int length = sizeof(address);
	int error;

	uv_ip4_addr("127.0.0.1", 0, &address);
	uv_tcp_init(loop, server);
	error = uv_tcp_bind(server, (const struct sockaddr *)&address, 0);
	if (!error)
		error = uv_listen((uv_stream_t *)server, 128, echo_connection);
	if (!error)
		error = uv_tcp_getsockname(server, (struct sockaddr *)&address, &length);
	if (error)
		return error;
	printf("port %d\n", ntohs(address.sin_port));
	return fflush(stdout) ? UV_EIO : 0;
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	static uv_tcp_t server;
	static uv_signal_t signals[2];
	int error = server_listen(loop, &server);

	if (error) {
		fprintf(stderr, "echo_server: listen: %s\n", uv_strerror(error));
		return 1;
	}
	uv_signal_init(loop, &signals[0]);
	uv_signal_init(loop, &signals[1]);
	uv_signal_start(&signals[0], stop_all, SIGTERM);
	uv_signal_start(&signals[1], stop_all, SIGINT);
	uv_run(loop, UV_RUN_DEFAULT);
	printf("connections %lu\nreads %lu\nwrites %lu\nends %lu\n", connections, reads, writes,
	       ends);
	return 0;
}
