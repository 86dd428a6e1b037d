/* SPDX-License-Identifier: Apache-2.0
 *
 * Three loops listen on one port; clients keep their connection, and the busy ones are on one loop.
 * That all loops accept already is known: to advise it would be wrong.
 * expects: hot_loop worker
 * never: let each loop accept
 */
#include "../scenario.h"

#define LOOPS 3
#define QUIET 36
#define BUSY  4

static struct sockaddr_in at;
static uv_loop_t loops[LOOPS];
static uv_tcp_t servers[LOOPS];
static uv_async_t stops[LOOPS];
static volatile int served[LOOPS], over;

static void request_came(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_buf_t answer = uv_buf_init("ok", 2);

	(void)buffer;
	if (bytes < 0) {
		uv_close((uv_handle_t *)client, (uv_close_cb)free);
		return;
	}
	spin_us(400);
	served[client->loop - loops]++;
	uv_try_write(client, &answer, 1);
}

static void client_came(uv_stream_t *server, int status)
{
	uv_tcp_t *client = malloc(sizeof(*client));

	if (status < 0 || !client)
		return;
	uv_tcp_init(server->loop, client);
	uv_accept(server, (uv_stream_t *)client);
	uv_read_start((uv_stream_t *)client, give_buffer, request_came);
}

static void stop(uv_async_t *async)
{
	uv_stop(async->loop);
}

static void run(void *loop)
{
	uv_run(loop, UV_RUN_DEFAULT);
}

static void ask(int fd)
{
	char bytes[8];

	if (write(fd, "hi", 2) != 2 || read(fd, bytes, sizeof(bytes)) < 0)
		over = 1;
}

static void ask_on_and_on(void *arg)
{
	while (!over)
		ask(*(int *)arg);
}

static void listen_on(int i)
{
	int length = sizeof(at), one = 1;
	uv_os_fd_t fd;

	check(uv_loop_init(&loops[i]), "uv_loop_init");
	check(uv_tcp_init_ex(&loops[i], &servers[i], AF_INET), "uv_tcp_init_ex");
	check(uv_fileno((uv_handle_t *)&servers[i], &fd), "uv_fileno");
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	check(uv_tcp_bind(&servers[i], (struct sockaddr *)&at, 0), "uv_tcp_bind");
	check(uv_tcp_getsockname(&servers[i], (struct sockaddr *)&at, &length), "getsockname");
	check(uv_listen((uv_stream_t *)&servers[i], 64, client_came), "uv_listen");
	check(uv_async_init(&loops[i], &stops[i], stop), "uv_async_init");
}

int main(void)
{
	uv_thread_t threads[LOOPS], clients[BUSY];
	int fds[BUSY];

	uv_ip4_addr("127.0.0.1", 0, &at);
	for (int i = 0; i < LOOPS; i++) {
		listen_on(i);
		check(uv_thread_create(&threads[i], run, &loops[i]), "uv_thread_create");
	}
	for (int i = 0; i < QUIET; i++)
		ask(tcp_join(&at));
	for (int i = 0; i < BUSY;) {
		int before = served[0];

		fds[i] = tcp_join(&at);
		ask(fds[i]);
		i += served[0] > before;
	}
	for (int i = 0; i < BUSY; i++)
		check(uv_thread_create(&clients[i], ask_on_and_on, &fds[i]), "uv_thread_create");
	usleep(2000000);
	over = 1;
	for (int i = 0; i < BUSY; i++)
		uv_thread_join(&clients[i]);
	for (int i = 0; i < LOOPS; i++) {
		uv_async_send(&stops[i]);
		uv_thread_join(&threads[i]);
	}
	return 0;
}
