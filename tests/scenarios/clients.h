/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients of a scenario, on a thread of their own and without libuv: each has a connection, on
 * which it asks one byte again and again, and reads what comes. The server's side is a uv_pipe_t
 * whose reads are the roots of transactions.
 */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "scenario.h"

#include <pthread.h>
#include <stdbool.h>

#define CLIENTS_MOST 16

struct clients {
	int count;
	unsigned every_us; /* from one request to the next, of whichever client */
	unsigned requests;
	/* The byte that request number n asks; NULL: 'x'. */
	char (*ask)(unsigned n);
	int fds[CLIENTS_MOST];
	uv_pipe_t pipes[CLIENTS_MOST];
	pthread_t thread;
};

static inline void client_read_all(int fd)
{
	static char bytes[65536];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static inline void *clients_run(void *arg)
{
	struct clients *clients = arg;

	for (unsigned n = 0; n < clients->requests; n++) {
		char byte = clients->ask ? clients->ask(n) : 'x';
		for (int i = 0; i < clients->count; i++)
			client_read_all(clients->fds[i]);
		if (write(clients->fds[n % (unsigned)clients->count], &byte, 1) != 1)
			break;
		usleep(clients->every_us);
	}
	return NULL;
}

static inline void clients_start(uv_loop_t *loop, struct clients *clients, uv_read_cb on_request)
{
	for (int i = 0; i < clients->count; i++) {
		int fds[2];
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
			exit(99);
		clients->fds[i] = fds[1];
		check(uv_pipe_init(loop, &clients->pipes[i], 0), "uv_pipe_init");
		check(uv_pipe_open(&clients->pipes[i], fds[0]), "uv_pipe_open");
		check(uv_read_start((uv_stream_t *)&clients->pipes[i], give_buffer, on_request),
		      "uv_read_start");
	}
	if (pthread_create(&clients->thread, NULL, clients_run, clients) != 0)
		exit(99);
}

static inline void answer_sent(uv_write_t *request, int status)
{
	(void)status;
	free(request);
}

/* One byte. */
static inline void answer(uv_stream_t *client)
{
	uv_write_t *request = malloc(sizeof(*request));
	uv_buf_t byte = uv_buf_init("y", 1);

	if (request)
		check(uv_write(request, client, &byte, 1, answer_sent), "uv_write");
}

#endif
