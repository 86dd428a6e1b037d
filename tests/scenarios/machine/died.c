/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback that aborts.
 * expects: died parse_header
 * says: at most
 */
#include "../scenario.h"

#include <sys/resource.h>

static unsigned headers;

static void parse_header(uv_timer_t *timer)
{
	(void)timer;
	if (++headers == 20)
		abort();
}

int main(void)
{
	struct rlimit none = {0};
	uv_timer_t timer;

	setrlimit(RLIMIT_CORE, &none);
	every(uv_default_loop(), &timer, parse_header, 5);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 0;
}
