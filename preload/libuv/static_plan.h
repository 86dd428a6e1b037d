/* SPDX-License-Identifier: Apache-2.0
 *
 * What can be seen of the libuv that is linked into an executable: where its functions and its code
 * are, whether it is libuv, and how each function would be patched. docs/static-libuv.md has the
 * order of decisions and what they rest on.
 *
 * Rules: changes nothing; reads only what the image has (elf_image.h). uv_version() is never
 * called: in an imitation of libuv it may end the program.
 */
#ifndef STATIC_PLAN_H
#define STATIC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patch/elf_view.h"
#include "patch/entry_plan.h"
#include "static_parts.h"

enum static_outcome {
#define OUTCOME(name, text) STATIC_##name,
#include "static_outcomes.def"
#undef OUTCOME
	STATIC_OUTCOMES
};

struct static_plan {
	uint8_t outcome; /* enum static_outcome; READY: it may be patched */
	uint8_t failed;	 /* CORE: the function, a number like that of `plans` */
	struct static_parts parts;
	struct entry_plan plans[REAL_COUNT];
	uint32_t version; /* as uv_version() says; 0: not known */
};

/* What is there to look at. */
struct static_executable {
	const ElfW(Phdr) * segments;
	size_t segment_count;
	uintptr_t bias;
	bool is_absolute;  /* an ET_EXEC */
	const char *path;  /* of its file, for names that are not exported */
	bool wants_hidden; /* look for a libuv that is not exported: takes milliseconds */
};

/* A file that is mapped to be read; both must last as long as what is returned. */
struct static_executable static_executable_of(const struct elf_view *view, const char *path);

void static_plan_make(struct static_plan *plan, const struct static_executable *executable);

/* The first function without which the others are not worth a patch, and which cannot be patched;
 * REAL_COUNT if there is none. */
size_t static_plan_core_missing(const struct static_plan *plan);

/* What an outcome says, to go on after "because ". */
const char *static_outcome_text(enum static_outcome outcome);

/* It says when a handle begins or ends, and no callback is lost without it. */
bool static_plan_is_noted(size_t function);

#endif
