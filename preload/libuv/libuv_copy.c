/* SPDX-License-Identifier: Apache-2.0
 *
 * See libuv_copy.h: the list of copies, and of the callers of each. A copy is searched for at a
 * caller's first call, not in the constructor. Other libraries' constructors may run loops before
 * ours, and libuv may be loaded much later. Only the one in the executable is patched, at the
 * start or when the first loop begins.
 * The code that finds copies (by_symbol.c, by_patch.c) only fills in a struct libuv_copy.
 */
#include "libuv_copy.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "by_patch.h"
#include "by_symbol.h"
#include "own_code.h"
#include "static_libuv.h"

struct libuv_caller libuv_callers[LIBUV_CALLERS_MAX];
__thread const struct libuv_copy *libuv_copy_last;
struct text_range libuv_texts[LIBUV_COPIES_MAX];
_Atomic uint32_t libuv_copy_count;
_Atomic bool libuv_own_calls_seen;
_Atomic bool libuv_is_patched;

static struct libuv_copy copies[LIBUV_COPIES_MAX];
static const struct libuv_copy no_copy;	 /* all NULL: there is no libuv, wrappers say UV_ENOSYS */
static const struct libuv_copy *patched; /* the one in the executable */
static bool is_patch_wanted;
static uint32_t caller_count; /* under find_mutex */
static pthread_mutex_t find_mutex = PTHREAD_MUTEX_INITIALIZER;

const struct libuv_copy *libuv_copy_first(void)
{
	return libuv_copy_count ? &copies[0] : &no_copy;
}

static const struct libuv_copy *copy_with(const void *uv_run)
{
	for (uint32_t i = 0; i < libuv_copy_count; i++)
		if (copies[i].functions[REAL_uv_run] == uv_run)
			return &copies[i];
	return NULL;
}

static void copy_publish(uint32_t index)
{
	libuv_texts[index] = copies[index].text;
	atomic_store(&libuv_copy_count, index + 1);
}

/* The copy whose uv_run that is, added to the list where it is new. NULL: there is none, or one too
 * many. */
static const struct libuv_copy *copy_take(const struct by_symbol_found *found)
{
	const struct libuv_copy *known = found->uv_run ? copy_with(found->uv_run) : NULL;
	uint32_t index = libuv_copy_count;

	if (!found->uv_run || known || index == LIBUV_COPIES_MAX)
		return known;
	by_symbol_fill(found, &copies[index]);
	copy_publish(index);
	return &copies[index];
}

static void patch(bool wants_hidden)
{
	uint32_t index = libuv_copy_count;

	if (index == LIBUV_COPIES_MAX ||
	    !by_patch_executable(is_patch_wanted, wants_hidden, &copies[index]))
		return;
	copy_publish(index);
	patched = &copies[index];
	libuv_is_patched = true;
}

void libuv_copy_start(bool wanted)
{
	is_patch_wanted = wanted;
	patch(static_libuv_is_in_small_program());
}

void libuv_copy_loop_begins(void *caller)
{
	static _Atomic bool done;

	if (done || by_patch_state()->plan.outcome != STATIC_ABSENT || !is_patch_wanted ||
	    !elf_image_has(&by_patch_state()->plan.parts.image, (uintptr_t)caller, 1, PF_X))
		return;
	done = true;
	if (static_libuv_is_unseen())
		patch(true);
}

/* What the executable exports comes first for every module; else it is for its own calls alone. */
static bool is_for(const struct libuv_copy *copy, void *caller)
{
	const struct static_parts *parts = &by_patch_state()->plan.parts;

	return copy &&
	       (parts->is_exported || elf_image_has(&parts->image, (uintptr_t)caller, 1, PF_X));
}

static const struct libuv_copy *copy_find(void *caller)
{
	const struct libuv_copy *copy = is_for(patched, caller) ? patched : NULL;

	for (enum by_symbol_place place = 0; !copy && place < BY_SYMBOL_PLACES; place++) {
		struct by_symbol_found found = by_symbol_look(place, caller);

		copy = copy_take(&found);
		by_symbol_done(&found);
	}
	return copy ? copy : libuv_copy_first();
}

static const struct libuv_copy *caller_find(const void *address)
{
	/* libuv's own calls go to itself. libuv is not listed as a caller: the first entry is for
	 * the most frequent one. */
	for (uint32_t i = 0; i < libuv_copy_count; i++)
		if (text_range_has(&libuv_texts[i], address))
			return &copies[i];
	for (int i = 0; i < LIBUV_CALLERS_MAX; i++) {
		uintptr_t bytes = atomic_load(&libuv_callers[i].bytes);

		if (!bytes)
			break;
		if ((uintptr_t)address - libuv_callers[i].start < bytes)
			return libuv_callers[i].copy;
	}
	return NULL;
}

/* False if it stays taken: we are the child of a fork that happened while another thread held it.
 */
static bool find_lock(void)
{
	for (int tries = 0; pthread_mutex_trylock(&find_mutex); tries++) {
		if (tries == 10000)
			return false;
		sched_yield();
	}
	return true;
}

static const struct libuv_copy *caller_add(void *address)
{
	const struct libuv_copy *copy;
	struct text_range text = text_range_of(address);

	if (!find_lock())
		return libuv_copy_first();
	copy = copy_find(address);
	/* libuv may come later: no caller is remembered as having none. */
	if (text.bytes && copy != &no_copy && !own_code_has(address) && !libuv_is_text(address) &&
	    caller_count < LIBUV_CALLERS_MAX) {
		struct libuv_caller *caller = &libuv_callers[caller_count++];

		caller->start = text.start;
		caller->copy = copy;
		atomic_store(&caller->bytes, text.bytes); /* publishes it */
	}
	pthread_mutex_unlock(&find_mutex);
	return copy;
}

const struct libuv_copy *libuv_copy_for_caller(void *caller)
{
	const struct libuv_copy *copy;
	int saved_errno;

	if (libuv_copy_last && own_code_has(caller))
		return libuv_copy_last;
	caller = libuv_true_caller(caller);
	copy = caller_find(caller);
	if (copy)
		return copy;
	saved_errno = errno;
	copy = caller_add(caller);
	errno = saved_errno;
	return copy;
}

uint32_t libuv_version_hex(void)
{
	void *function = libuv_copy_first()->functions[REAL_uv_version];

	if (by_patch_state()->plan.version)
		return by_patch_state()->plan.version;
	return function ? ((__typeof__(&uv_version))function)() : 0;
}
