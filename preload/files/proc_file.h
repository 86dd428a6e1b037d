/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of /proc and /sys, without allocating: short ones by one read, others line by line.
 */
#ifndef PROC_FILE_H
#define PROC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The beginning of a file, terminated; `text` is empty where it cannot be read. Returns its bytes
 * or -errno; errno itself may change. */
int proc_file_read(const char *path, char *text, size_t bytes);

/* The same of /proc/PID/task/TID/NAME. */
int proc_file_read_task(uint32_t pid, uint32_t tid, const char *name, char *text, size_t bytes);

#define PROC_LINE_BYTES_MAX 1024 /* with its end */

/* The line without its end, which may be changed. Returns false to stop. */
typedef bool (*proc_line_visit)(char *line, void *arg);

/* Visits the lines of a file; those that are too long are left out. */
void proc_file_lines(const char *path, proc_line_visit visit, void *arg);

struct proc_lines {
	proc_line_visit visit;
	void *arg;
	size_t line_bytes_max; /* with its end */
	char *buffer;	       /* for at least one line */
	size_t buffer_bytes;
};

/* The same of an open file, with lines of any length. 0 or -errno. */
int proc_file_lines_of(int fd, const struct proc_lines *lines);

#endif
