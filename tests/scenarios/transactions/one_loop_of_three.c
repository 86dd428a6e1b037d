/* SPDX-License-Identifier: Apache-2.0
 *
 * Three loops serve requests alike. On one of them an index is compacted now and then.
 * expects: blocked_cpu compact_index
 * delays: 1
 */
#include "../clients.h"

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes > 0)
		answer(client);
}

static void compact_index(uv_timer_t *timer)
{
	(void)timer;
	spin_us(70000);
}

static void run_loop(void *name)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	uv_loop_t loop;
	uv_timer_t timer;

	if (!clients)
		exit(99);
	*clients = (struct clients){.count = 4, .every_us = 10000, .requests = 200};
	pthread_setname_np(pthread_self(), name);
	check(uv_loop_init(&loop), "uv_loop_init");
	if (strcmp(name, "second") == 0)
		every(&loop, &timer, compact_index, 600);
	clients_start(&loop, clients, on_request);
	run_for(&loop, 2400);
}

int main(void)
{
	static const char *const names[] = {"first", "second", "third"};
	uv_thread_t threads[3];

	for (int i = 0; i < 3; i++)
		check(uv_thread_create(&threads[i], run_loop, (void *)names[i]),
		      "uv_thread_create");
	for (int i = 0; i < 3; i++)
		uv_thread_join(&threads[i]);
	return 0;
}
