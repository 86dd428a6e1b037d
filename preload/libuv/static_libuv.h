/* SPDX-License-Identifier: Apache-2.0
 *
 * A libuv that is linked into the program's own executable and could not be patched. Its calls of
 * its own functions never reach a wrapper.
 */
#ifndef STATIC_LIBUV_H
#define STATIC_LIBUV_H

#include <stdbool.h>

/* True if the executable has such a libuv inside, or likely has, or an imitation of one. Found out
 * once, for it stays so. errno is kept. */
bool static_libuv_is_unseen(void);

/* False: a libuv that was not found is only likely. */
bool static_libuv_is_certain(void);

/* True if the executable is small enough to be searched at every start, and has a libuv inside. */
bool static_libuv_is_in_small_program(void);

#endif
