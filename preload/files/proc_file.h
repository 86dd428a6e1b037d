/* SPDX-License-Identifier: Apache-2.0
 *
 * The short files of /proc and /sys: one read, without allocating.
 */
#ifndef PROC_FILE_H
#define PROC_FILE_H

#include <stddef.h>
#include <stdint.h>

/* The beginning of a file, terminated; `text` is empty where it cannot be read. Returns its bytes
 * or -errno; errno itself may change. */
int proc_file_read(const char *path, char *text, size_t bytes);

/* The same of /proc/PID/task/TID/NAME. */
int proc_file_read_task(uint32_t pid, uint32_t tid, const char *name, char *text, size_t bytes);

#endif
