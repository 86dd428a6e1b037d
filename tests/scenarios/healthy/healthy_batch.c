/* SPDX-License-Identifier: Apache-2.0
 *
 * A batch job: 250 pieces of 8 ms of computing are queued at once, on as many threads as there are
 * CPUs. Only the time in all counts.
 * expects: healthy
 * cpus: 2
 * env: UV_THREADPOOL_SIZE=2
 */
#include "../scenario.h"

static uv_work_t pieces[250];

static void compute_piece(uv_work_t *work)
{
	(void)work;
	spin_us(8000);
}

static void piece_done(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

int main(void)
{
	for (int i = 0; i < 250; i++)
		uv_queue_work(uv_default_loop(), &pieces[i], compute_piece, piece_done);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
