/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that makes far more events than there is room for: bursts of idle callbacks, two
 * million in all. The trace keeps the newest of them, in files of 1 MiB, and never takes more than
 * 5 MiB of the disk:
 *
 *     scripts/uvtrace --file-size=1M --total-size=5M -- build/examples/telemetry_rotating
 *     build/analyze_trace
 */
#include <stdio.h>
#include <uv.h>

#define BURSTS 200
#define BURST  10000

static uv_idle_t idle;
static uv_timer_t timer;
static long callbacks;
static int bursts;

static void busy_callback(uv_idle_t *handle)
{
	if (++callbacks % BURST == 0)
		uv_idle_stop(handle);
}

static void begin_burst(uv_timer_t *handle)
{
	if (uv_is_active((uv_handle_t *)&idle))
		return;
	if (++bursts > BURSTS)
		uv_timer_stop(handle);
	else
		uv_idle_start(&idle, busy_callback);
}

int main(void)
{
	uv_idle_init(uv_default_loop(), &idle);
	uv_timer_init(uv_default_loop(), &timer);
	uv_timer_start(&timer, begin_burst, 0, 2);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("ran %ld idle callbacks\n", callbacks);
	return 0;
}
