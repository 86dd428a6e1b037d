/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens a timer, closes it, runs the loop once: a single empty turn is no spinning.
 * expects: healthy
 * not: spinning
 * load: light
 */
#include "../scenario.h"

static void closed(uv_handle_t *handle)
{
	(void)handle;
}

int main(void)
{
	uv_timer_t timer;

	check(uv_timer_init(uv_default_loop(), &timer), "uv_timer_init");
	uv_close((uv_handle_t *)&timer, closed);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
