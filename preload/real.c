/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds the real functions. RTLD_NEXT is right for a libuv that the program is linked with; a libuv that came
 * in with RTLD_LOCAL (Python's uvloop, lua-luv) is found by its name among what is loaded. Resolved lazily and
 * not in the constructor, because other libraries' constructors may run loops before ours, and because libuv
 * may be loaded long after us.
 */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <string.h>

void *_Atomic real_table[REAL_COUNT];
struct real_text real_uv_text;

static char uv_path[256];

enum library { UV, LIBC };

static const struct {
	const char *name;
	enum library library;
} names[REAL_COUNT] = {
#define REAL_FUNCTION(name, library) {#name, library},
#include "real.def"
#undef REAL_FUNCTION
};

struct text_search {
	uintptr_t address;
	struct real_text found;
};

static int text_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct text_search *search = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type == PT_LOAD && phdr->p_flags & PF_X && search->address - start < phdr->p_memsz) {
			search->found = (struct real_text){start, start + phdr->p_memsz};
			return 1;
		}
	}
	return 0;
}

static void *own_address(void)
{
	Dl_info info;

	return dladdr((void *)own_address, &info) ? info.dli_fbase : NULL;
}

/* NULL if the symbol is missing or is our own wrapper. */
static void *checked(void *function)
{
	Dl_info info;

	return function && dladdr(function, &info) && info.dli_fbase != own_address() ? function : NULL;
}

static void *find_uv(const char *name)
{
	static void *libuv; /* a handle that is never closed: what we hold must stay loaded */
	void *function = checked(dlsym(RTLD_NEXT, name));

	if (function)
		return function;
	if (!libuv)
		libuv = dlopen("libuv.so.1", RTLD_LAZY | RTLD_NOLOAD);
	return libuv ? checked(dlsym(libuv, name)) : NULL;
}

static void learn_uv_text(void *function)
{
	struct text_search search = {.address = (uintptr_t)function};
	Dl_info info;

	if (!dl_iterate_phdr(text_visit, &search))
		return;
	if (dladdr(function, &info) && info.dli_fname)
		strncpy(uv_path, info.dli_fname, sizeof(uv_path) - 1);
	real_uv_text.end = search.found.end;
	real_uv_text.start = search.found.start;
}

void *real_resolve(enum real_index index)
{
	int saved_errno = errno;
	void *function;

	if (names[index].library == UV)
		function = find_uv(names[index].name);
	else
		function = checked(dlsym(RTLD_NEXT, names[index].name));
	if (function && names[index].library == UV && !real_uv_text.end)
		learn_uv_text(function);
	real_table[index] = function;
	errno = saved_errno;
	return function;
}

const char *real_uv_path(void)
{
	return uv_path;
}

/* Asked once: the executable's own symbols come before ours, now and later. */
bool real_uv_is_static(void)
{
	static _Atomic int answer; /* 0 not asked, 1 no, 2 yes */
	void *first;

	if (!answer) {
		int saved_errno = errno;

		first = dlsym(RTLD_DEFAULT, "uv_run");
		answer = first && checked(first) == first ? 2 : 1;
		errno = saved_errno;
	}
	return answer == 2;
}
