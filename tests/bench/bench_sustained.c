/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs callbacks at a steady rate: batches of 1,000 idle callbacks, each batch begun when it is
 * due. What the trace then says about lost events tells whether the drain keeps up. Prints how many
 * callbacks ran and the rate reached.
 *
 * usage: bench_sustained CALLBACKS_PER_SECOND SECONDS   (0 callbacks a second: as fast as it goes)
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define HANDLES 1000

static uint64_t calls, batches, start_ns, end_ns;
static double batch_ns;

static void on_idle(uv_idle_t *handle)
{
	(void)handle;
	calls++;
}

/* Between two batches: waits, without giving the core away, until the next one is due. */
static void on_prepare(uv_prepare_t *handle)
{
	uint64_t due_ns = start_ns + (uint64_t)((double)++batches * batch_ns);
	uint64_t now;

	do
		now = uv_hrtime();
	while (now < due_ns);
	if (now >= end_ns)
		uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
	double rate = argc == 3 ? strtod(argv[1], NULL) : -1;
	double seconds = argc == 3 ? strtod(argv[2], NULL) : 0;
	uv_loop_t *loop = uv_default_loop();
	static uv_idle_t handles[HANDLES];
	uv_prepare_t prepare;

	if (rate < 0 || seconds <= 0) {
		fprintf(stderr, "usage: bench_sustained CALLBACKS_PER_SECOND SECONDS\n");
		return 2;
	}
	batch_ns = rate > 0 ? HANDLES * 1e9 / rate : 0;
	for (int i = 0; i < HANDLES; i++) {
		uv_idle_init(loop, &handles[i]);
		uv_idle_start(&handles[i], on_idle);
	}
	uv_prepare_init(loop, &prepare);
	uv_prepare_start(&prepare, on_prepare);
	start_ns = uv_hrtime();
	end_ns = start_ns + (uint64_t)(seconds * 1e9);
	uv_run(loop, UV_RUN_DEFAULT);
	printf("callbacks %lu\nrate %.0f\n", calls,
	       (double)calls * 1e9 / (double)(uv_hrtime() - start_ns));
	return 0;
}
