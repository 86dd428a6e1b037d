/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback resolves a name with getaddrinfo() itself; the name server does not answer.
 * expects: blocked_syscall reconnect|resolve_backend
 * says: getaddrinfo
 * needs: silent_dns
 * load: light
 */
#include "../scenario.h"

#include <netdb.h>

static uv_timer_t each, ticks;

static void __attribute__((noinline)) resolve_backend(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *result = NULL;

	if (getaddrinfo("backend.example.test", "80", &hints, &result) == 0)
		freeaddrinfo(result);
}

static void reconnect(uv_timer_t *timer)
{
	static int tries;

	resolve_backend();
	if (++tries == 2) {
		uv_timer_stop(timer);
		uv_timer_stop(&ticks);
	}
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

int main(void)
{
	every(uv_default_loop(), &each, reconnect, 300);
	every(uv_default_loop(), &ticks, tick, 20);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
