/* SPDX-License-Identifier: Apache-2.0
 *
 * See static_libuv.h.
 */
#include "static_libuv.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "by_patch.h"

#define SMALL_BYTES ((size_t)320 << 10) /* searched in 45 us */

struct search {
	size_t bytes_max; /* a longer segment is not searched */
	uint32_t flags;	  /* of which a segment of constants has PF_R alone */
	bool found;
};

/* The executable comes first of all objects. Its constants are where a name of libuv's own is
 * looked for. */
static int executable_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	static const char mark[] = "UV_THREADPOOL_SIZE"; /* what libuv asks the environment for */
	struct search *search = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type == PT_LOAD && (phdr->p_flags & search->flags) == PF_R &&
		    phdr->p_filesz <= search->bytes_max &&
		    memmem((void *)(info->dlpi_addr + phdr->p_vaddr), phdr->p_filesz, mark,
			   sizeof(mark)))
			search->found = true;
	}
	return 1;
}

static bool search(size_t bytes_max, uint32_t flags)
{
	struct search search = {.bytes_max = bytes_max, .flags = flags};

	if (!libuv_copy_count && !dlsym(RTLD_NEXT, "uv_run"))
		dl_iterate_phdr(executable_visit, &search);
	return search.found;
}

/* Whether libuv's code is there, by what it asks the environment for. */
static bool is_inside(void)
{
	static _Atomic int answer; /* 0 not asked, 1 no, 2 yes */

	if (!answer) /* code too: old linkers put the constants there */
		answer = search(SIZE_MAX, PF_R | PF_W) ? 2 : 1;
	return answer == 2;
}

bool static_libuv_is_in_small_program(void)
{
	return search(SMALL_BYTES, PF_R | PF_W | PF_X);
}

bool static_libuv_is_unseen(void)
{
	const struct static_plan *plan = &by_patch_state()->plan;
	int saved_errno = errno;
	bool unseen;

	if (plan->outcome == STATIC_DONE)
		return false;
	unseen = plan->parts.is_exported || is_inside();
	errno = saved_errno;
	return unseen;
}
