/* SPDX-License-Identifier: Apache-2.0
 *
 * The text ranges of the copies of libuv. A caller or a callback in such a range is libuv itself. A
 * copy gets its range when it is found (libuv_copy.c); before that, no address is libuv's.
 */
#ifndef LIBUV_TEXT_H
#define LIBUV_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define LIBUV_COPIES_MAX 8

struct text_range {
	uintptr_t start, bytes; /* bytes 0: none */
};

extern struct text_range libuv_texts[LIBUV_COPIES_MAX];
extern _Atomic uint32_t libuv_copy_count; /* those of them that are set */

/* libuv's calls of its own exported functions come here; not so where it was linked with
 * -Bsymbolic-functions. Known since the first loop was made. */
extern _Atomic bool libuv_own_calls_seen;

/* The executable's libuv is patched: what the compiler has inlined there is not seen. */
extern _Atomic bool libuv_is_patched;

static inline bool text_range_has(const struct text_range *range, const void *address)
{
	return (uintptr_t)address - range->start < range->bytes;
}

/* Makes the range hold that function too. */
static inline void text_range_add(struct text_range *range, uintptr_t address, uintptr_t bytes)
{
	uintptr_t end = range->start + range->bytes;

	if (!address)
		return;
	if (!range->bytes) {
		*range = (struct text_range){address, bytes};
		return;
	}
	if (address < range->start)
		range->start = address;
	range->bytes = (address + bytes > end ? address + bytes : end) - range->start;
}

static inline bool libuv_is_text(const void *address)
{
	uint32_t count = __atomic_load_n((uint32_t *)&libuv_copy_count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (text_range_has(&libuv_texts[i], address))
			return true;
	return false;
}

#endif
