/* SPDX-License-Identifier: Apache-2.0
 *
 * See folder.h.
 */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int folder_walk(const char *path, void (*visit)(int folder, const char *name, void *arg), void *arg)
{
	_Alignas(struct dirent64) char buffer[8192];
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t bytes;
	int error;

	if (folder < 0)
		return -errno;
	while ((bytes = getdents64(folder, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < bytes;) {
			struct dirent64 *entry = (struct dirent64 *)(buffer + at);

			visit(folder, entry->d_name, arg);
			at += entry->d_reclen;
		}
	}
	error = bytes < 0 ? -errno : 0;
	close(folder);
	return error;
}
