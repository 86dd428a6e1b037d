/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of marks and spans that this process has interned (mark_emit.c). Part of struct
 * process, because a forked child starts without any.
 */
#ifndef MARK_NAMES_H
#define MARK_NAMES_H

#include <stdatomic.h>
#include <stdint.h>

#include "format/trace_format.h"

#define MARK_CACHE 256 /* names by the address of their text */

struct mark_names {
	_Atomic uint64_t cache[MARK_CACHE]; /* address << 16 | index + 1; 0: empty */
	_Atomic uint32_t
	    slots[2 * TRACE_NAMES_MAX]; /* by what the name says; 0: empty, else index + 1 */
};

#endif
