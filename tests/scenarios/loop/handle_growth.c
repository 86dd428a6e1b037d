/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer for each session, and none is ever closed.
 * expects: handle_growth session_tick
 */
#include "../scenario.h"

static void session_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void open_session(uv_timer_t *timer)
{
	uv_timer_t *session = malloc(sizeof(*session));

	(void)timer;
	check(uv_timer_init(uv_default_loop(), session), "uv_timer_init");
	check(uv_timer_start(session, session_tick, 20, 500), "uv_timer_start");
}

int main(void)
{
	uv_timer_t timer;

	every(uv_default_loop(), &timer, open_session, 4);
	run_for(uv_default_loop(), 2000);
	return 0;
}
