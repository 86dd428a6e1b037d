/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches a folder in which files come and go.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

#include <fcntl.h>

static void changed(uv_fs_event_t *event, const char *name, int events, int status)
{
	(void)event;
	(void)name;
	(void)events;
	(void)status;
}

static void make_file(uv_timer_t *timer)
{
	int fd = open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)timer;
	close(fd);
	unlink("file");
}

int main(void)
{
	uv_fs_event_t event;
	uv_timer_t timer;

	check(uv_fs_event_init(uv_default_loop(), &event), "uv_fs_event_init");
	check(uv_fs_event_start(&event, changed, ".", 0), "uv_fs_event_start");
	every(uv_default_loop(), &timer, make_file, 20);
	run_for(uv_default_loop(), 1600);
	return 0;
}
