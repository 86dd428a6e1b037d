/* SPDX-License-Identifier: Apache-2.0
 *
 * Where things lie in a CPython: from the table by its version, or as the program itself says
 * (cpython_layout.def).
 */
#ifndef CPYTHON_LAYOUT_H
#define CPYTHON_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "remote_memory.h"
#include "runtimes.h"

#define CPYTHON_NONE UINT16_MAX /* offset of a field that this version does not have */

struct cpython_layout {
	uint16_t version; /* 311: 3.11 */
#define LAYOUT_FIELD(name) uint16_t name;
#include "cpython_layout.def"
#undef LAYOUT_FIELD
};

/* One that was found in the program. */
struct cpython {
	struct cpython_layout layout;
	uint64_t runtime; /* the address of _PyRuntime, and of the types of objects: */
	uint64_t code_type, text_type, bytes_type;
	uint64_t frame_type; /* up to 3.10, where a frame is an object */
};

/* `release` is PY_VERSION_HEX, its lower half 0 where only the minor version is known; `runtime`
 * the address of _PyRuntime. False: names cannot be had of this one, and `note` says so. */
bool cpython_layout_choose(struct cpython_layout *layout, uint32_t release,
			   struct remote_memory *memory, uint64_t runtime,
			   char note[RUNTIME_NOTE_BYTES]);

#endif
