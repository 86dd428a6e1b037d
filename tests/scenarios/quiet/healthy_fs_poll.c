/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at five files each second or more often: few enough.
 * expects: healthy
 * load: light
 */
#include "../scenario.h"

#include <fcntl.h>

static void changed(uv_fs_poll_t *poll, int status, const uv_stat_t *before, const uv_stat_t *now)
{
	(void)poll;
	(void)status;
	(void)before;
	(void)now;
}

int main(void)
{
	uv_fs_poll_t polls[5];

	for (unsigned i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file%u", i);
		close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		check(uv_fs_poll_init(uv_default_loop(), &polls[i]), "uv_fs_poll_init");
		check(uv_fs_poll_start(&polls[i], changed, name, 100 + i), "uv_fs_poll_start");
	}
	run_for(uv_default_loop(), 2000);
	return 0;
}
