/* SPDX-License-Identifier: Apache-2.0
 *
 * Where libuv's code lies: who calls from there is libuv itself, whose callbacks are not wrapped. Set by real.c
 * when the first real function is found; empty before.
 */
#ifndef REAL_TEXT_H
#define REAL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

struct real_text {
	uintptr_t start, end;
};

extern struct real_text real_uv_text;

static inline bool real_is_uv(const void *address)
{
	return (uintptr_t)address - real_uv_text.start < real_uv_text.end - real_uv_text.start;
}

#endif
