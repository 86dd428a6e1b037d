/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that take more or less work, on the loop and on the pool: the slowest take longer than
 * the median because they have more to do.
 * expects: healthy
 */
#include "../clients.h"

static char ask(unsigned n)
{
	return n % 50 == 25 ? 'l' : 's';
}

struct sum {
	uv_work_t work;
	uv_stream_t *client;
	bool is_large;
};

static void make_sum(uv_work_t *work)
{
	spin_us(((struct sum *)work)->is_large ? 6000 : 400);
}

static void sum_made(uv_work_t *work, int status)
{
	(void)status;
	answer(((struct sum *)work)->client);
	free(work);
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	struct sum *sum = bytes > 0 ? malloc(sizeof(*sum)) : NULL;

	if (!sum)
		return;
	sum->client = client;
	sum->is_large = *buffer->base == 'l';
	spin_us(sum->is_large ? 3000 : 100);
	check(uv_queue_work(client->loop, &sum->work, make_sum, sum_made), "uv_queue_work");
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 6000, .requests = 300, .ask = ask};

	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2200);
	return 0;
}
