/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file's code an address is in, and whether that is this library.
 */
#ifndef OWN_CODE_H
#define OWN_CODE_H

#include "libuv_text.h"

/* The code segment in which that address lies; 0 bytes where it is in no file. Slow. */
struct text_range text_range_of(const void *address);

/* Whether that is code of this library. */
bool own_code_has(const void *address);

#endif
