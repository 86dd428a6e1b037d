/* SPDX-License-Identifier: Apache-2.0
 *
 * A server's children each serve for a while and end by _exit in a callback, as asked.
 * expects: healthy
 * not: died
 * load: light
 */
#include "../scenario.h"

#include <sys/wait.h>

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void retire(uv_timer_t *timer)
{
	(void)timer;
	_exit(0);
}

static void serve(void)
{
	uv_timer_t ticks, life;
	uv_loop_t loop;

	check(uv_loop_init(&loop), "uv_loop_init");
	every(&loop, &ticks, tick, 20);
	every(&loop, &life, retire, 800);
	uv_run(&loop, UV_RUN_DEFAULT);
}

int main(void)
{
	for (int i = 0; i < 3; i++) {
		if (fork() == 0)
			serve();
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
