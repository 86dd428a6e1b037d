/* SPDX-License-Identifier: Apache-2.0
 *
 * Each request has a little work for the pool. Now and then the pool is full of thumbnails, which
 * wait for a device.
 * expects: pool_small thumbnail_made
 * delays: 5
 */
#include "../clients.h"

static uv_work_t thumbnails[24];

static void check_token(uv_work_t *work)
{
	(void)work;
	usleep(300);
}

static void token_checked(uv_work_t *work, int status)
{
	(void)status;
	answer(work->data);
	free(work);
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_work_t *work = bytes > 0 ? malloc(sizeof(*work)) : NULL;

	(void)buffer;
	if (!work)
		return;
	work->data = client;
	check(uv_queue_work(client->loop, work, check_token, token_checked), "uv_queue_work");
}

static void make_thumbnail(uv_work_t *work)
{
	(void)work;
	usleep(30000);
}

static void thumbnail_made(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

static void new_pictures(uv_timer_t *timer)
{
	for (int i = 0; i < 24; i++)
		check(uv_queue_work(timer->loop, &thumbnails[i], make_thumbnail, thumbnail_made),
		      "uv_queue_work");
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 8000, .requests = 300};
	uv_timer_t timer;

	every(uv_default_loop(), &timer, new_pictures, 900);
	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2600);
	return 0;
}
