/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the code of the libuv copies lies: who calls from there, or whose callback lies there, is libuv itself. Set
 * by real.c when a copy is first called; no address is libuv's before.
 */
#ifndef REAL_TEXT_H
#define REAL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define REAL_COPIES_MAX 8

struct real_text {
	uintptr_t start, bytes;
};

extern struct real_text real_uv_texts[REAL_COPIES_MAX];
extern _Atomic uint32_t real_uv_copies; /* those of them that are set */
/* libuv's calls of its own exported functions come here; not so where it was linked with -Bsymbolic-functions. Known
 * since the first loop was made. */
extern _Atomic bool real_uv_calls_seen;

static inline bool real_is_uv(const void *address)
{
	uint32_t copies = __atomic_load_n((uint32_t *)&real_uv_copies, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < copies; i++)
		if ((uintptr_t)address - real_uv_texts[i].start < real_uv_texts[i].bytes)
			return true;
	return false;
}

#endif
