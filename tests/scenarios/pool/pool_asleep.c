/* SPDX-License-Identifier: Apache-2.0
 *
 * Pool threads of the lowest class, on the one CPU that the loop computes on in small pieces. What
 * they computed themselves the kernel holds against them: they sleep on for many ms after they were
 * woken for the next requests.
 * expects: idle_with_work worker
 */
#include "../scenario.h"

#include <sched.h>

static uv_work_t works[8];
static uv_idle_t idle;
static int left;

static void step_down(uv_work_t *work)
{
	struct sched_param none = {0};

	(void)work;
	sched_setscheduler(0, SCHED_IDLE, &none);
	spin_us(100);
}

static void stepped_down(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
	left--;
}

static void order(uv_timer_t *timer)
{
	(void)timer;
	if (left > 0)
		return;
	left = 8;
	for (int i = 0; i < 8; i++)
		uv_queue_work(uv_default_loop(), &works[i], step_down, stepped_down);
}

static void compute_a_bit(uv_idle_t *handle)
{
	(void)handle;
	spin_us(2000);
}

int main(void)
{
	uv_timer_t timer;
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	order(NULL);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	check(uv_idle_init(uv_default_loop(), &idle), "uv_idle_init");
	check(uv_idle_start(&idle, compute_a_bit), "uv_idle_start");
	every(uv_default_loop(), &timer, order, 5);
	run_for(uv_default_loop(), 1500);
	return 0;
}
