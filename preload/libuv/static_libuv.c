/* SPDX-License-Identifier: Apache-2.0
 *
 * See static_libuv.h.
 */
#include "static_libuv.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

#include "own_code.h"

/* The executable comes first of all objects. Its constants are where a name of libuv's own is
 * looked for. */
static int executable_visit(struct dl_phdr_info *info, size_t size, void *found)
{
	static const char mark[] = "UV_THREADPOOL_SIZE"; /* what libuv asks the environment for */

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];

		if (phdr->p_type == PT_LOAD && (phdr->p_flags & (PF_R | PF_W)) == PF_R &&
		    memmem((void *)(info->dlpi_addr + phdr->p_vaddr), phdr->p_filesz, mark,
			   sizeof(mark)))
			*(bool *)found = true;
	}
	return 1;
}

static bool executable_has_libuv(void)
{
	void *first = dlsym(RTLD_DEFAULT, "uv_run");
	bool found = false;

	if (first && !own_code_has(first)) /* exported: the executable's symbols come before ours */
		return true;
	if (!libuv_copy_count && !dlsym(RTLD_NEXT, "uv_run"))
		dl_iterate_phdr(executable_visit, &found);
	return found;
}

bool static_libuv_is_there(void)
{
	static _Atomic int answer; /* 0 not asked, 1 no, 2 yes */

	if (!answer) {
		int saved_errno = errno;

		answer = executable_has_libuv() ? 2 : 1;
		errno = saved_errno;
	}
	return answer == 2;
}

void *static_libuv_version_function(void)
{
	return static_libuv_is_there() ? dlsym(RTLD_DEFAULT, "uv_version") : NULL;
}
