/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams go to and fro on one loop.
 * expects: healthy
 */
#include "../scenario.h"

static uv_udp_t server, client;
static struct sockaddr_in at;

static void sent(uv_udp_send_t *request, int status)
{
	(void)status;
	free(request);
}

static void send_to(uv_udp_t *udp, const struct sockaddr *to)
{
	uv_udp_send_t *request = malloc(sizeof(*request));
	uv_buf_t buffer = uv_buf_init("ping", 4);

	if (request)
		uv_udp_send(request, udp, &buffer, 1, to, sent);
}

static void came(uv_udp_t *udp, ssize_t bytes, const uv_buf_t *buffer, const struct sockaddr *from,
		 unsigned flags)
{
	(void)buffer;
	(void)flags;
	if (bytes > 0 && from && udp == &server)
		send_to(udp, from);
}

static void ask(uv_timer_t *timer)
{
	(void)timer;
	for (int i = 0; i < 5; i++)
		send_to(&client, (struct sockaddr *)&at);
}

int main(void)
{
	uv_loop_t *loop = uv_default_loop();
	int length = sizeof(at);
	uv_timer_t timer;

	uv_ip4_addr("127.0.0.1", 0, &at);
	uv_udp_init(loop, &server);
	uv_udp_init(loop, &client);
	check(uv_udp_bind(&server, (struct sockaddr *)&at, 0), "uv_udp_bind");
	check(uv_udp_bind(&client, (struct sockaddr *)&at, 0), "uv_udp_bind");
	check(uv_udp_getsockname(&server, (struct sockaddr *)&at, &length), "getsockname");
	uv_udp_recv_start(&server, give_buffer, came);
	uv_udp_recv_start(&client, give_buffer, came);
	every(loop, &timer, ask, 5);
	run_for(loop, 1500);
	return 0;
}
