/* SPDX-License-Identifier: Apache-2.0
 *
 * Goes through the names in a folder without allocating, which opendir() does.
 */
#ifndef FOLDER_H
#define FOLDER_H

/* Calls visit() with the open folder and each name in it. Returns 0 or -errno. */
int folder_walk(const char *path, void (*visit)(int folder, const char *name, void *arg), void *arg);

#endif
