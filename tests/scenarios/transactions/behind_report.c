/* SPDX-License-Identifier: Apache-2.0
 *
 * A server that answers at once, but while it renders a report for another client.
 * expects: blocked_cpu render_report
 * delays: 1
 */
#include "../clients.h"

static void on_ping(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes > 0)
		answer(client);
}

static void render_report(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes <= 0)
		return;
	spin_us(60000);
	answer(client);
}

int main(void)
{
	static struct clients pings = {.count = 8, .every_us = 5000, .requests = 400};
	static struct clients reports = {.count = 1, .every_us = 700000, .requests = 3};

	clients_start(uv_default_loop(), &pings, on_ping);
	clients_start(uv_default_loop(), &reports, render_report);
	run_for(uv_default_loop(), 2500);
	return 0;
}
