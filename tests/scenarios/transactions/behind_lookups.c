/* SPDX-License-Identifier: Apache-2.0
 *
 * Each request looks a name up. Now and then a list of hosts is looked up anew, from a name server
 * that is far away: these lookups have the pool, and requests wait for it.
 * expects: pool_dns host_refreshed
 * delays: 5
 */
#include "../clients.h"

#include <netdb.h>

static uv_getaddrinfo_t hosts[24];

/* In place of libc's: what is near is known soon. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	(void)service;
	(void)hints;
	(void)result;
	usleep(strcmp(node, "far.test") == 0 ? 40000 : 500);
	return EAI_AGAIN;
}

static void name_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *result)
{
	(void)status;
	(void)result;
	answer(lookup->data);
	free(lookup);
}

static void on_request(uv_stream_t *client, ssize_t bytes, const uv_buf_t *buffer)
{
	uv_getaddrinfo_t *lookup = bytes > 0 ? malloc(sizeof(*lookup)) : NULL;

	(void)buffer;
	if (!lookup)
		return;
	lookup->data = client;
	check(uv_getaddrinfo(client->loop, lookup, name_found, "near.test", NULL, NULL),
	      "uv_getaddrinfo");
}

static void host_refreshed(uv_getaddrinfo_t *lookup, int status, struct addrinfo *result)
{
	(void)lookup;
	(void)status;
	(void)result;
}

static void refresh_hosts(uv_timer_t *timer)
{
	for (int i = 0; i < 12; i++)
		check(
		    uv_getaddrinfo(timer->loop, &hosts[i], host_refreshed, "far.test", NULL, NULL),
		    "uv_getaddrinfo");
}

int main(void)
{
	static struct clients clients = {.count = 8, .every_us = 8000, .requests = 300};
	uv_timer_t timer;

	every(uv_default_loop(), &timer, refresh_hosts, 900);
	clients_start(uv_default_loop(), &clients, on_request);
	run_for(uv_default_loop(), 2600);
	return 0;
}
