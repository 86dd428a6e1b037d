/* SPDX-License-Identifier: Apache-2.0
 *
 * See proc_file.h.
 */
#include "proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (4 * PROC_LINE_BYTES_MAX) /* at once */

int proc_file_read(const char *path, char *text, size_t bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	got = read(fd, text, bytes - 1);
	if (got < 0)
		got = -errno;
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return (int)got;
}

int proc_file_read_task(uint32_t pid, uint32_t tid, const char *name, char *text, size_t bytes)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/%s", pid, tid, name);
	return proc_file_read(path, text, bytes);
}

/* How many bytes of whole lines there were; -1: enough. `skips`: the first one is the rest of a
 * line that was too long. */
static ssize_t lines_visit(char *buffer, size_t bytes, bool *skips, proc_line_visit visit,
			   void *arg)
{
	size_t at = 0;
	char *newline;

	while ((newline = memchr(buffer + at, '\n', bytes - at))) {
		char *line = buffer + at;

		*newline = '\0';
		if (!*skips && newline - line < PROC_LINE_BYTES_MAX && !visit(line, arg))
			return -1;
		*skips = false;
		at = (size_t)(newline + 1 - buffer);
	}
	return (ssize_t)at;
}

void proc_file_lines(const char *path, proc_line_visit visit, void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[READ_BYTES];
	bool skips = false;
	size_t filled = 0;
	ssize_t bytes, used;

	if (fd < 0)
		return;
	while ((bytes = read(fd, buffer + filled, sizeof(buffer) - filled)) > 0 ||
	       (bytes < 0 && errno == EINTR)) {
		filled += bytes > 0 ? (size_t)bytes : 0;
		used = lines_visit(buffer, filled, &skips, visit, arg);
		if (used < 0)
			break;
		filled -= (size_t)used;
		memmove(buffer, buffer + used, filled);
		if (filled == sizeof(buffer)) {
			skips = true;
			filled = 0;
		}
	}
	close(fd);
}
