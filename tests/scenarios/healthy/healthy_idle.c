/* SPDX-License-Identifier: Apache-2.0
 *
 * A server that nobody asks.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

static void client_came(uv_stream_t *stream, int status)
{
	(void)stream;
	(void)status;
}

int main(void)
{
	uv_tcp_t server;

	tcp_listen(uv_default_loop(), &server, client_came);
	run_for(uv_default_loop(), 2000);
	return 0;
}
