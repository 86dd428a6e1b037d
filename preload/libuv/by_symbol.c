/* SPDX-License-Identifier: Apache-2.0
 *
 * See by_symbol.h. The places are tried in the order of the dynamic linker:
 *
 * 1. What comes after us in the global scope (RTLD_NEXT) serves every caller.
 * 2. Otherwise a shared object's own handle knows which libuv it is linked with. This covers a
 *    libuv loaded with RTLD_LOCAL (Python's uvloop, lua-luv) or inside the object.
 * 3. Code without a file (JIT) uses a loaded libuv.so.1, or the first copy.
 */
#include "by_symbol.h"

#include <dlfcn.h>
#include <string.h>

#include "own_code.h"

/* NULL if the symbol is missing or is our own wrapper. */
static void *symbol(void *handle, const char *name)
{
	void *function = dlsym(handle, name);

	return function && !own_code_has(function) ? function : NULL;
}

static struct by_symbol_found found_in_object(const char *path)
{
	struct by_symbol_found found = {
	    .handle = path && *path ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL};

	found.opened = found.handle != NULL;
	found.uv_run = found.opened ? symbol(found.handle, "uv_run") : NULL;
	return found;
}

struct by_symbol_found by_symbol_look(enum by_symbol_place place, void *caller)
{
	Dl_info info;

	if (place == BY_SYMBOL_GLOBAL)
		return (struct by_symbol_found){.uv_run = symbol(RTLD_NEXT, "uv_run"),
						.handle = RTLD_NEXT};
	if (place == BY_SYMBOL_LOADED)
		return found_in_object("libuv.so.1");
	/* The executable's handle would search the global scope, and find us. */
	if (dladdr(caller, &info) && !own_code_has(caller))
		return found_in_object(info.dli_fname);
	return (struct by_symbol_found){0};
}

void by_symbol_done(const struct by_symbol_found *found)
{
	if (found->opened)
		dlclose(found->handle);
}

static bool is_libuv_file(const char *path)
{
	const char *name = strrchr(path, '/');

	return strncmp(name ? name + 1 : path, "libuv.so", strlen("libuv.so")) == 0;
}

/* Where libuv lies inside another library: from the first to the last function of it that we know.
 */
static struct text_range text_between(void *const functions[REAL_COUNT])
{
	uintptr_t first = UINTPTR_MAX, last = 0;

	for (int i = 0; i < REAL_COUNT; i++) {
		uintptr_t address = (uintptr_t)functions[i];

		if (address && address < first)
			first = address;
		if (address > last)
			last = address;
	}
	return (struct text_range){first, last - first + 1};
}

/* Used in place of uv_write2 if another preload has its own uv_write, which must be called. */
static int write_asked(uv_write_t *req, uv_stream_t *handle, const uv_buf_t bufs[],
		       unsigned int count, uv_stream_t *send_handle, uv_write_cb cb)
{
	(void)send_handle;
	return REAL_AGAIN(uv_write)(req, handle, bufs, count, cb);
}

/* libuv's uv_write does nothing but jump to uv_write2, in all versions 1.x. */
static void *libuv_write_direct(void *const functions[REAL_COUNT])
{
	void *write = functions[REAL_uv_write], *write2 = functions[REAL_uv_write2];

	if (!write || !write2)
		return NULL;
	return text_range_of(write).start == text_range_of(write2).start ? write2
									 : (void *)write_asked;
}

void by_symbol_fill(const struct by_symbol_found *found, struct libuv_copy *copy)
{
	Dl_info info;

	for (int i = 0; i < REAL_COUNT; i++)
		copy->functions[i] = symbol(found->handle, libuv_function_name(i));
	copy->functions[REAL_uv_write_direct] = libuv_write_direct(copy->functions);
	if (dladdr(found->uv_run, &info) && info.dli_fname) {
		strncpy(copy->path, info.dli_fname, sizeof(copy->path) - 1);
		dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	}
	copy->text = is_libuv_file(copy->path) ? text_range_of(found->uv_run)
					       : text_between(copy->functions);
}
