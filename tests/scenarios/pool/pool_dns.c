/* SPDX-License-Identifier: Apache-2.0
 *
 * Slow lookups of names fill the pool, and files wait.
 * expects: pool_dns name_found
 */
#include "../scenario.h"

#include <netdb.h>

static uv_getaddrinfo_t lookups[20];
static uv_fs_t stats[20];

/* In place of libc's: a name server that is far away. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)result;
	usleep(60000);
	return EAI_AGAIN;
}

static void name_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *result)
{
	(void)lookup;
	(void)status;
	uv_freeaddrinfo(result);
}

static void file_seen(uv_fs_t *stat)
{
	uv_fs_req_cleanup(stat);
}

static void ask(uv_timer_t *timer)
{
	(void)timer;
	for (int i = 0; i < 12; i++) {
		uv_getaddrinfo(uv_default_loop(), &lookups[i], name_found, "example.test", NULL,
			       NULL);
		uv_fs_stat(uv_default_loop(), &stats[i], "/", file_seen);
	}
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, ask, 450);
	run_for(uv_default_loop(), 1700);
	return 0;
}
