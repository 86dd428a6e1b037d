/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks through a folder, one request after the other.
 * expects: healthy
 */
#include "../scenario.h"

#include <fcntl.h>

static uv_fs_t request;
static int walks, files;

static void seen(uv_fs_t *done);

static void walk(void)
{
	if (walks++ < 250)
		uv_fs_scandir(uv_default_loop(), &request, ".", 0, seen);
}

static void seen(uv_fs_t *done)
{
	uv_dirent_t entry;

	while (uv_fs_scandir_next(done, &entry) == 0)
		files++;
	uv_fs_req_cleanup(done);
	walk();
}

int main(void)
{
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "file%d", i);
		close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}
	walk();
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return files == 0;
}
