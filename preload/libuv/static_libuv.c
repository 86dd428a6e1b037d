/* SPDX-License-Identifier: Apache-2.0
 *
 * See static_libuv.h.
 */
#include "static_libuv.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>

#include "by_patch.h"
#include "static_marks.h"

#define SMALL_BYTES ((size_t)320 << 10) /* searched in 45 us */

/* The executable comes first of all objects. */
static int executable_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct elf_image *image = arg;

	(void)size;
	*image = (struct elf_image){.segments = info->dlpi_phdr,
				    .segment_count = info->dlpi_phnum,
				    .bias = info->dlpi_addr};
	return 1;
}

static struct elf_image executable(void)
{
	struct elf_image image = {0};

	dl_iterate_phdr(executable_visit, &image);
	return image;
}

static bool has_shared(void)
{
	return libuv_copy_count || dlsym(RTLD_NEXT, "uv_run");
}

static enum static_marks marks_look(void)
{
	struct elf_image image = executable();

	if (has_shared())
		return MARKS_NONE;
	/* An imitation of libuv, as Deno's, has no such constants. */
	if (by_patch_state()->plan.parts.exports_some)
		return MARKS_CERTAIN;
	return static_marks_find(&image);
}

static enum static_marks marks(void)
{
	static _Atomic int answer; /* 0 not asked, else enum static_marks + 1 */

	if (!answer)
		answer = (int)marks_look() + 1;
	return (enum static_marks)(answer - 1);
}

bool static_libuv_is_in_small_program(void)
{
	struct elf_image image = executable();

	return static_marks_are_certain(&image, SMALL_BYTES, PF_R | PF_W | PF_X) && !has_shared();
}

bool static_libuv_is_certain(void)
{
	return by_patch_state()->plan.parts.is_exported || marks() == MARKS_CERTAIN;
}

bool static_libuv_is_unseen(void)
{
	const struct static_plan *plan = &by_patch_state()->plan;
	int saved_errno = errno;
	bool unseen;

	if (plan->outcome == STATIC_DONE)
		return false;
	unseen = plan->parts.is_exported || marks() != MARKS_NONE;
	errno = saved_errno;
	return unseen;
}
