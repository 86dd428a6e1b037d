/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl program FILE: what could be seen of the libuv in an executable. A dry run of what
 * libtrace.so does when that program starts.
 */
#ifndef PROGRAM_CHECK_H
#define PROGRAM_CHECK_H

/* Prints one line of the state, which begins with "patched", "unseen" or "absent", and one for each
 * function that would not be seen. Returns the exit status. */
int program_check(const char *path);

#endif
