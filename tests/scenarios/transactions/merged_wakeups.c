/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests are handed to a second loop with uv_async_send, whose callback takes one of them: sends
 * that come together wake it once, and requests stay behind.
 * expects: coalesced take_one
 * severity: any
 */
#include "../clients.h"

static uv_loop_t second;
static uv_async_t wake;
static uv_mutex_t lock;
static unsigned handed, taken;

static void take_one(uv_async_t *async)
{
	(void)async;
	uv_mutex_lock(&lock);
	bool has_one = taken < handed;
	taken += has_one;
	uv_mutex_unlock(&lock);
	if (has_one)
		spin_us(500);
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes <= 0)
		return;
	/* What a client asks has several parts. */
	for (int i = 0; i < 4; i++) {
		uv_mutex_lock(&lock);
		handed++;
		uv_mutex_unlock(&lock);
		check(uv_async_send(&wake), "uv_async_send");
	}
	answer(client);
}

static void run_second(void *arg)
{
	(void)arg;
	run_for(&second, 2300);
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 5000, .requests = 400};
	uv_thread_t thread;

	check(uv_mutex_init(&lock), "uv_mutex_init");
	check(uv_loop_init(&second), "uv_loop_init");
	check(uv_async_init(&second, &wake, take_one), "uv_async_init");
	check(uv_thread_create(&thread, run_second, NULL), "uv_thread_create");
	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2300);
	uv_thread_join(&thread);
	return 0;
}
