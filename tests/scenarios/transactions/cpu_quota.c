/* SPDX-License-Identifier: Apache-2.0
 *
 * A server in a container with less of a CPU than its requests need: some wait for the next period.
 * expects: throttled quota
 * quota: 10000 100000
 */
#include "../clients.h"

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes <= 0)
		return;
	spin_us(1500);
	answer(client);
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 6000, .requests = 300};

	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2500);
	return 0;
}
