/* SPDX-License-Identifier: Apache-2.0
 *
 * What a stall sample saw, in words: "flock(fd 7 = /var/lib/x.db)", "parse parse.c:12 (in memcpy)".
 */
#ifndef STALL_TEXT_H
#define STALL_TEXT_H

#include "findings/stall.h"

/* "" where nothing was seen. The caller frees it; NULL only when memory is out. */
char *stall_text(const struct stall *stall);

#endif
