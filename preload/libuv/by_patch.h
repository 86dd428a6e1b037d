/* SPDX-License-Identifier: Apache-2.0
 *
 * Patches the libuv that is linked into the executable, so that calls of its functions come to the
 * wrappers. It is one more copy of libuv then, whose functions are trampolines: they run what the
 * jumps replaced. docs/static-libuv.md explains it.
 *
 * Rules: nothing in the program changes before everything has been checked, and then all or
 * nothing does.
 */
#ifndef BY_PATCH_H
#define BY_PATCH_H

#include "static_plan.h"

struct by_patch {
	struct static_plan plan; /* and what became of it: `outcome` */
	bool is_wanted;
	uint16_t patched;
	uint32_t took_ns;
};

/* Patches this process' executable if `wanted`, or only finds out what is there; `wants_hidden`: a
 * libuv that it does not export too. True: `copy` is filled in. errno is kept. */
bool by_patch_executable(bool wanted, bool wants_hidden, struct libuv_copy *copy);

/* What became of it. */
const struct by_patch *by_patch_state(void);

#endif
