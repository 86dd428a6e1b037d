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
static ssize_t lines_visit(const struct proc_lines *lines, size_t bytes, bool *skips)
{
	char *buffer = lines->buffer;
	size_t at = 0;
	char *newline;

	while ((newline = memchr(buffer + at, '\n', bytes - at))) {
		char *line = buffer + at;

		*newline = '\0';
		if (!*skips && (size_t)(newline - line) < lines->line_bytes_max &&
		    !lines->visit(line, lines->arg))
			return -1;
		*skips = false;
		at = (size_t)(newline + 1 - buffer);
	}
	return (ssize_t)at;
}

int proc_file_lines_of(int fd, const struct proc_lines *lines)
{
	bool skips = false;
	size_t filled = 0;
	ssize_t bytes, used;

	while ((bytes = read(fd, lines->buffer + filled, lines->buffer_bytes - filled)) > 0 ||
	       (bytes < 0 && errno == EINTR)) {
		filled += bytes > 0 ? (size_t)bytes : 0;
		used = lines_visit(lines, filled, &skips);
		if (used < 0)
			return 0;
		filled -= (size_t)used;
		memmove(lines->buffer, lines->buffer + used, filled);
		if (filled == lines->buffer_bytes) {
			skips = true;
			filled = 0;
		}
	}
	return bytes < 0 ? -errno : 0;
}

void proc_file_lines(const char *path, proc_line_visit visit, void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[READ_BYTES];

	if (fd < 0)
		return;
	proc_file_lines_of(fd, &(struct proc_lines){.visit = visit,
						    .arg = arg,
						    .line_bytes_max = PROC_LINE_BYTES_MAX,
						    .buffer = buffer,
						    .buffer_bytes = sizeof(buffer)});
	close(fd);
}
