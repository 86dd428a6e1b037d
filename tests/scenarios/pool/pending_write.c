/* SPDX-License-Identifier: Apache-2.0
 *
 * A peer that does not read any more: the write never ends.
 * expects: pending_request page_sent
 */
#include "../scenario.h"

static char page[4 << 20];

static void page_sent(uv_write_t *write, int status)
{
	(void)write;
	(void)status;
}

int main(void)
{
	uv_pipe_t ours, theirs;
	uv_write_t write;
	uv_buf_t buffer = uv_buf_init(page, sizeof(page));

	pipes_open(uv_default_loop(), &ours, &theirs);
	check(uv_write(&write, (uv_stream_t *)&ours, &buffer, 1, page_sent), "uv_write");
	run_for(uv_default_loop(), 6500);
	return 0;
}
