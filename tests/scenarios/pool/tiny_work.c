/* SPDX-License-Identifier: Apache-2.0
 *
 * Many threads for work that takes microseconds: each submission wakes one, and most find nothing
 * left to do.
 * expects: pool_herd hash|work|pool|thread
 * severity: any
 * env: UV_THREADPOOL_SIZE=64 UVTRACE_RING_SIZE=16M
 */
#include "../scenario.h"

#define WORKS 64

static uv_work_t works[WORKS];
static uint64_t end_ns;

static void hash_line(uv_work_t *work)
{
	(void)work;
	spin_us(2);
}

static void line_hashed(uv_work_t *work, int status)
{
	(void)status;
	if (uv_hrtime() < end_ns)
		uv_queue_work(uv_default_loop(), work, hash_line, line_hashed);
}

int main(void)
{
	end_ns = uv_hrtime() + 1500000000ull;
	for (int i = 0; i < WORKS; i++)
		uv_queue_work(uv_default_loop(), &works[i], hash_line, line_hashed);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
