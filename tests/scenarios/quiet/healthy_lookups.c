/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of this machine are looked up, one after the other.
 * expects: healthy
 */
#include "../scenario.h"

#include <netdb.h>

static uv_getaddrinfo_t request;
static int left = 60;

static void found(uv_getaddrinfo_t *done, int status, struct addrinfo *result)
{
	(void)status;
	uv_freeaddrinfo(result);
	if (--left > 0)
		uv_getaddrinfo(done->loop, &request, found, "127.0.0.1", "80", NULL);
}

int main(void)
{
	uv_getaddrinfo(uv_default_loop(), &request, found, "127.0.0.1", "80", NULL);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
