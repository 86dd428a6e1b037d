/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a file for two seconds, one piece after the other, on the pool.
 * expects: healthy
 */
#include "../scenario.h"

#include <fcntl.h>

static uv_fs_t request;
static char bytes[65536];
static uv_buf_t buffer;
static uint64_t end_ns;
static int fd;

static void piece_read(uv_fs_t *done)
{
	static int64_t offset;

	offset = done->result > 0 ? offset + done->result : 0;
	uv_fs_req_cleanup(done);
	if (uv_hrtime() < end_ns)
		uv_fs_read(uv_default_loop(), &request, fd, &buffer, 1, offset, piece_read);
}

int main(void)
{
	fd = open("data", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, 64 << 20) != 0)
		return 99;
	buffer = uv_buf_init(bytes, sizeof(bytes));
	end_ns = uv_hrtime() + 2000000000ull;
	uv_fs_read(uv_default_loop(), &request, fd, &buffer, 1, 0, piece_read);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
