/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies a file on the pool, again and again; a timer ticks beside.
 * expects: healthy
 */
#include "../scenario.h"

#include <fcntl.h>

static uv_fs_t copy;
static uv_timer_t ticks;

static void tick(uv_timer_t *timer)
{
	(void)timer;
}

static void copied(uv_fs_t *done)
{
	static int copies;

	uv_fs_req_cleanup(done);
	if (++copies < 30)
		uv_fs_copyfile(uv_default_loop(), &copy, "from", "to", 0, copied);
	else
		uv_timer_stop(&ticks);
}

int main(void)
{
	int fd = open("from", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, 8 << 20) != 0)
		return 99;
	close(fd);
	every(uv_default_loop(), &ticks, tick, 20);
	uv_fs_copyfile(uv_default_loop(), &copy, "from", "to", 0, copied);
	return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
