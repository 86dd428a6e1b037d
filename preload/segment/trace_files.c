/* SPDX-License-Identifier: Apache-2.0
 *
 * See writer_internal.h.
 */
#include "writer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files/dir.h"

int trace_files_split(struct writer *writer, const char *path)
{
	size_t length = strnlen(path, SHARED_PATH_BYTES);
	const char *slash;

	if (length == SHARED_PATH_BYTES || path[0] != '/')
		return -EINVAL;
	slash = strrchr(path, '/');
	dir_of(path, writer->dir, sizeof(writer->dir));
	strcpy(writer->name, slash + 1);
	length = strlen(writer->name);
	if (length > 4 && strcmp(writer->name + length - 4, ".bin") == 0)
		writer->name[length -= 4] = '\0';
	return length == 0 || length > NAME_MAX - 48 ? -EINVAL : 0;
}

void trace_files_name(const struct writer *writer, char name[TRACE_FILE_NAME_BYTES],
		      const char *ending)
{
	snprintf(name, TRACE_FILE_NAME_BYTES, "%s.%u.%llu.bin%s", writer->name, writer->pid,
		 (unsigned long long)writer->segment, ending);
}

static const char *number_parse(const char *at, uint64_t *number)
{
	char *end;

	if (*at < '0' || *at > '9')
		return NULL;
	errno = 0;
	*number = strtoull(at, &end, 10);
	return errno == 0 && *end == '.' ? end + 1 : NULL;
}

/* NAME.PID.N.bin, then nothing, .open, .gz or .zst. */
static bool name_parse(const struct writer *writer, const char *name, struct trace_file *found)
{
	static const char *const endings[] = {"bin", "bin.open", "bin.gz", "bin.zst"};
	size_t length = strlen(writer->name);
	const char *at = name + length + 1;
	uint64_t pid;

	if (strncmp(name, writer->name, length) != 0 || name[length] != '.')
		return false;
	at = number_parse(at, &pid);
	at = at ? number_parse(at, &found->segment) : NULL;
	for (size_t i = 0; at && i < sizeof(endings) / sizeof(endings[0]); i++) {
		if (strcmp(at, endings[i]) == 0) {
			found->pid = (uint32_t)pid;
			found->open = i == 1;
			snprintf(found->name, sizeof(found->name), "%s", name);
			return pid <= UINT32_MAX;
		}
	}
	return false;
}

/* What a walk through the directory is for. */
struct walk {
	struct writer *writer;
	void (*visit)(struct writer *writer, int dir, struct trace_file *found, void *arg);
	void *arg;
};

static void walk_entry(int dir, const char *name, void *arg)
{
	struct walk *walk = arg;
	struct trace_file found = {0};
	struct stat stat;

	if (!name_parse(walk->writer, name, &found) ||
	    fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (!S_ISREG(stat.st_mode))
		return;
	found.uid = stat.st_uid;
	found.bytes = (uint64_t)stat.st_size;
	found.changed = stat.st_mtim;
	walk->visit(walk->writer, dir, &found, walk->arg);
}

int trace_files_walk(struct writer *writer, int dir,
		     void (*visit)(struct writer *writer, int dir, struct trace_file *found,
				   void *arg),
		     void *arg)
{
	struct walk walk = {writer, visit, arg};

	return dir_walk(dir, walk_entry, &walk);
}

int trace_files_open(struct writer *writer, bool make)
{
	return dir_open(writer->dir, make, &writer->strange_bytes);
}
