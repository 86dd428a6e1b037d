/* SPDX-License-Identifier: Apache-2.0
 *
 * Now and then many timers of sessions run in one iteration. None is long, but the requests that
 * come then wait for all of them.
 * expects: crowded_turn|timer_storm|slow_transactions expire_session
 * delays: 1
 */
#include "../clients.h"

#define SESSIONS 40

static uv_timer_t sessions[SESSIONS];

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	(void)buffer;
	if (bytes > 0)
		answer(client);
}

static void expire_session(uv_timer_t *timer)
{
	(void)timer;
	spin_us(1500);
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 6000, .requests = 400};

	for (int i = 0; i < SESSIONS; i++)
		every(uv_default_loop(), &sessions[i], expire_session, 700);
	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2500);
	return 0;
}
