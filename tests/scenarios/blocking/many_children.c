/* SPDX-License-Identifier: Apache-2.0
 *
 * 1,200 programs are started in one callback. uv_spawn belongs to the loop: it cannot be moved to
 * the pool.
 * expects: blocked_cpu|blocked_syscall launch
 * says: uv_spawn
 * never: uv_queue_work
 */
#include "../scenario.h"

#define CHILDREN 1200

static uv_process_t children[CHILDREN];
static uv_timer_t ticks;
static int ended;

static void child_ended(uv_process_t *child, int64_t status, int signal)
{
	(void)status;
	(void)signal;
	uv_close((uv_handle_t *)child, NULL);
	if (++ended == CHILDREN)
		uv_timer_stop(&ticks);
}

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void launch(uv_timer_t *timer)
{
	char *arguments[] = {"/bin/sleep", "1.5", NULL};
	uv_process_options_t options = {
	    .file = arguments[0], .args = arguments, .exit_cb = child_ended};

	for (int i = 0; i < CHILDREN; i++)
		check(uv_spawn(timer->loop, &children[i], &options), "uv_spawn");
}

int main(void)
{
	uv_timer_t begin;

	check(uv_timer_init(uv_default_loop(), &begin), "uv_timer_init");
	check(uv_timer_start(&begin, launch, 200, 0), "uv_timer_start");
	every(uv_default_loop(), &ticks, tick, 10);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
