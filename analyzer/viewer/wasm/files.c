/* SPDX-License-Identifier: Apache-2.0
 *
 * See files.h. These definitions stand before libc's, so nothing here ever asks the host for a
 * file.
 *
 * Rules: a descriptor is the file's number and DESCRIPTOR_FIRST; there are no directories; nothing
 * can be written.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

#define DESCRIPTOR_FIRST 16

struct memory_file {
	unsigned char *data;
	size_t bytes;
};

static struct memory_file *files;
static char **names;
static size_t count;

int files_add(char *name, void *data, size_t bytes)
{
	struct memory_file *more = realloc(files, (count + 1) * sizeof(*more));

	if (more)
		files = more;
	char **more_names = more ? realloc(names, (count + 1) * sizeof(*more_names)) : NULL;
	if (!more_names)
		return -ENOMEM;
	names = more_names;
	names[count] = name;
	files[count++] = (struct memory_file){data, bytes};
	return 0;
}

size_t files_count(void)
{
	return count;
}

const char *const *files_names(void)
{
	return (const char *const *)names;
}

void files_clear(void)
{
	for (size_t i = 0; i < count; i++) {
		free(files[i].data);
		free(names[i]);
	}
	count = 0;
}

/* -1 and ENOENT where there is none. */
static int file_find(const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	errno = ENOENT;
	return -1;
}

static void status_fill(size_t file, struct stat *status)
{
	*status = (struct stat){.st_mode = S_IFREG | 0400,
				.st_size = (off_t)files[file].bytes,
				.st_dev = 1,
				.st_ino = file + 1};
}

int open(const char *path, int flags, ...)
{
	int file = file_find(path);

	(void)flags;
	return file < 0 ? -1 : file + DESCRIPTOR_FIRST;
}

int stat(const char *restrict path, struct stat *restrict status)
{
	int file = file_find(path);

	if (file < 0)
		return -1;
	status_fill((size_t)file, status);
	return 0;
}

int fstat(int fd, struct stat *status)
{
	status_fill((size_t)(fd - DESCRIPTOR_FIRST), status);
	return 0;
}

ssize_t pread(int fd, void *to, size_t bytes, off_t offset)
{
	const struct memory_file *file = &files[fd - DESCRIPTOR_FIRST];

	if ((size_t)offset >= file->bytes)
		return 0;
	if (bytes > file->bytes - (size_t)offset)
		bytes = file->bytes - (size_t)offset;
	memcpy(to, file->data + offset, bytes);
	return (ssize_t)bytes;
}

int close(int fd)
{
	(void)fd;
	return 0;
}

DIR *opendir(const char *path)
{
	(void)path;
	errno = ENOENT;
	return NULL;
}

struct dirent *readdir(DIR *dir)
{
	(void)dir;
	return NULL;
}

int closedir(DIR *dir)
{
	(void)dir;
	return 0;
}
