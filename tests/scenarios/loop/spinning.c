/* SPDX-License-Identifier: Apache-2.0
 *
 * An idle handle that was forgotten: the loop never waits.
 * expects: spinning forgotten_idle
 * env: UVTRACE_RING_SIZE=16M
 */
#include "../scenario.h"

static void forgotten_idle(uv_idle_t *idle)
{
	(void)idle;
}

int main(void)
{
	uv_idle_t idle;

	check(uv_idle_init(uv_default_loop(), &idle), "uv_idle_init");
	check(uv_idle_start(&idle, forgotten_idle), "uv_idle_start");
	run_for(uv_default_loop(), 600);
	return 0;
}
