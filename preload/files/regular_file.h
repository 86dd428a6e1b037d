/* SPDX-License-Identifier: Apache-2.0
 *
 * Opens files by paths that others wrote (a trace, a program's maps). Such a path may lead to a
 * device, where opening has a side effect, or to a pipe, where opening blocks.
 */
#ifndef REGULAR_FILE_H
#define REGULAR_FILE_H

/* Opens it for reading; -errno, or -EINVAL where it is no regular file, which is then not opened.
 * `flags`: O_NOFOLLOW
 * (-ELOOP for a link) or 0. */
int regular_file_open(const char *path, int flags);

#endif
