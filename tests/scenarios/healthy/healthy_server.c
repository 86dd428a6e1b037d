/* SPDX-License-Identifier: Apache-2.0
 *
 * A server that nobody calls.
 * expects: healthy
 */
#include "../scenario.h"

static void client_came(uv_stream_t *server, int status)
{
	(void)server;
	(void)status;
}

int main(void)
{
	uv_tcp_t server;
	struct sockaddr_in address;

	check(uv_tcp_init(uv_default_loop(), &server), "uv_tcp_init");
	check(uv_ip4_addr("127.0.0.1", 0, &address), "uv_ip4_addr");
	check(uv_tcp_bind(&server, (const struct sockaddr *)&address, 0), "uv_tcp_bind");
	check(uv_listen((uv_stream_t *)&server, 16, client_came), "uv_listen");
	run_for(uv_default_loop(), 800);
	return 0;
}
