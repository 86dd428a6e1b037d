/* SPDX-License-Identifier: Apache-2.0
 *
 * Directories: the only way in which the tracer reaches a place to create, find, rename or remove a
 * file. Also lists the names in a directory without allocating, which opendir() does.
 */
#ifndef DIR_H
#define DIR_H

#include <stdbool.h>
#include <stddef.h>

/* Opens a directory by its absolute path ("" is the root), part by part, so that nobody can
 * exchange a part under our hands; `make` makes the missing ones, for this user alone. Returns a
 * descriptor, -errno, or
 *   -REASON_STRANGE_FOLDER: another user (neither this one nor root) could have prepared the way: a
 *     directory of his where anybody may make names, or a link of his anywhere. *strange_bytes (may
 *     be NULL) says how much of the path leads to it.
 *   -REASON_SYSTEM_FOLDER: it lies, or would be made, below /dev (but /dev/shm), /proc or /sys.
 */
int dir_open(const char *path, bool make, size_t *strange_bytes);

/* Why dir_open() failed, in words. */
void dir_explain(int error, const char *path, size_t strange_bytes, char *text, size_t bytes);

/* Copies what is before the last slash of an absolute path. */
void dir_of(const char *path, char *dir, size_t bytes);

/* Whether files may be made beside this path: 0, -REASON_NOT_A_FILE where there is something by
 * that name that is not a regular file, or -REASON_SYSTEM_FOLDER. */
int dir_check_file(const char *path);

/* Calls visit() with the directory and each name in it. Returns 0 or -errno. */
int dir_walk(int dir, void (*visit)(int dir, const char *name, void *arg), void *arg);

/* The same by a path, whoever made the directory: for names that are only read, each judged by
 * itself. */
int dir_walk_path(const char *path, void (*visit)(int dir, const char *name, void *arg), void *arg);

#endif
