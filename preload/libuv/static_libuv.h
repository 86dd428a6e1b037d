/* SPDX-License-Identifier: Apache-2.0
 *
 * A libuv that is linked into the program's own executable. Its calls of its own functions never
 * reach a wrapper.
 */
#ifndef STATIC_LIBUV_H
#define STATIC_LIBUV_H

#include <stdbool.h>

/* True if the executable has libuv inside. Found out once, for it stays so. errno is kept. */
bool static_libuv_is_there(void);

/* Its uv_version, or NULL: there is none, or it is not exported. */
void *static_libuv_version_function(void);

#endif
