/* SPDX-License-Identifier: Apache-2.0
 *
 * The page's file system: files that JavaScript has put into memory, by name, behind the calls that
 * the reader makes.
 */
#ifndef VIEWER_FILES_H
#define VIEWER_FILES_H

#include <stddef.h>

/* Takes over both pointers (from malloc). 0 or -ENOMEM. */
int files_add(char *name, void *data, size_t bytes);
size_t files_count(void);
const char *const *files_names(void);
void files_clear(void);

#endif
