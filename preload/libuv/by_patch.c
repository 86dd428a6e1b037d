/* SPDX-License-Identifier: Apache-2.0
 *
 * See by_patch.h.
 */
#include "by_patch.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "libc_functions.h"
#include "patch/own_text.h"
#include "patch/patch.h"
#include "ring/clock.h"

static struct by_patch state;
static uintptr_t trampolines[REAL_COUNT], hooks[REAL_COUNT];

/* libtrace.so is linked with -Bsymbolic-functions: these names are its own wrappers here, though
 * the executable's come before them in the dynamic linker's order. */
#define WRAPPER_HOOKED(name) ((void *)name)
#define WRAPPER_NOTED(name)  ((void *)name)
#define WRAPPER_CALLED(name) NULL

static void *const wrappers[REAL_COUNT] = {
#define FUNCTION(name, use, arguments) WRAPPER_##use(name),
#include "functions.def"
#undef FUNCTION
};

_Static_assert((int)REAL_COUNT <= PATCH_FUNCTIONS_MAX, "patch_write() keeps so many zones");

const struct by_patch *by_patch_state(void)
{
	return &state;
}

/* ---- The self-test --------------------------------------------------------------------------- */

/* Calls through the trampolines that must do nothing but say UV_EINVAL, with a loop and a request
 * that are not there. `since`: the first version that is known to answer so. */
enum self_test_form { WITHOUT_REQUEST, WITH_HANDLE, WITH_REQUEST, WITH_FLAGS };

struct self_test {
	enum libuv_function function;
	enum self_test_form form;
	uint32_t since;
};

#define VERSION(minor) (1u << 16 | (minor) << 8)
#define FS_SINCE       VERSION(20)

static const struct self_test self_tests[] = {
    {REAL_uv_queue_work, WITHOUT_REQUEST, VERSION(0)},
    {REAL_uv_getaddrinfo, WITHOUT_REQUEST, VERSION(44)},
    {REAL_uv_getnameinfo, WITHOUT_REQUEST, VERSION(44)},
    {REAL_uv_read_start, WITHOUT_REQUEST, VERSION(44)},
    {REAL_uv_random, WITH_FLAGS, VERSION(33)},
    {REAL_uv_cancel, WITH_REQUEST, VERSION(0)},
    {REAL_uv_timer_start, WITH_HANDLE, VERSION(44)},
    {REAL_uv_timer_again, WITH_HANDLE, VERSION(0)},
    {REAL_uv_idle_start, WITH_HANDLE, VERSION(0)},
    {REAL_uv_prepare_start, WITH_HANDLE, VERSION(0)},
    {REAL_uv_check_start, WITH_HANDLE, VERSION(0)},
};

/* At most six arguments, each 0 where nothing else is said. */
typedef int any_function(void *a, uintptr_t b, uintptr_t c, uintptr_t d, uintptr_t e, uintptr_t f);

static int self_test_call(enum self_test_form form, any_function *function)
{
	union uv_any_handle handle;
	union uv_any_req req;

	memset(&handle, 0, sizeof(handle));
	memset(&req, 0, sizeof(req));
	switch (form) {
	case WITHOUT_REQUEST:
		return function(NULL, 0, 0, 0, 0, 0);
	case WITH_HANDLE:
		return function(&handle, 0, 0, 0, 0, 0);
	case WITH_REQUEST:
		return function(&req, 0, 0, 0, 0, 0);
	case WITH_FLAGS:
		return function(NULL, 0, 0, 0, 1, 0);
	}
	return 0;
}

static bool answers(enum libuv_function function, enum self_test_form form)
{
	return !trampolines[function] ||
	       self_test_call(form, (any_function *)trampolines[function]) == UV_EINVAL;
}

static bool self_test(void)
{
	/* A small program may be linked without uv_version(). */
	uint32_t version = state.plan.version ? state.plan.version : VERSION(0);

	for (size_t i = 0; i < sizeof(self_tests) / sizeof(self_tests[0]); i++)
		if (version >= self_tests[i].since &&
		    !answers(self_tests[i].function, self_tests[i].form))
			return false;
	for (int i = REAL_uv_fs_close; i <= REAL_uv_fs_statfs; i++)
		if (version >= FS_SINCE && !answers(i, WITHOUT_REQUEST))
			return false;
	return true;
}

/* ---- The order of decisions ------------------------------------------------------------------ */

static enum static_outcome core_checked(void)
{
	state.plan.failed = (uint8_t)static_plan_core_missing(&state.plan);
	return state.plan.failed == REAL_COUNT ? STATIC_DONE : STATIC_CORE;
}

/* Everything but the jumps themselves; nothing has changed where it does not say DONE. */
static enum static_outcome prepare(struct patch *patch)
{
	enum static_outcome outcome;

	if (!own_task_is_alone())
		return STATIC_TASKS;
	if (!patch_compare(patch))
		return STATIC_FILE;
	outcome = core_checked();
	if (outcome != STATIC_DONE)
		return outcome;
	if (!patch_build(patch))
		return STATIC_ISLAND;
	outcome = core_checked();
	if (outcome == STATIC_DONE && !self_test())
		outcome = STATIC_SELF_TEST;
	return outcome;
}

static enum static_outcome patch_now(void)
{
	struct patch patch = {
	    .image = &state.plan.parts.image,
	    .plans = state.plan.plans,
	    .wrappers = wrappers,
	    .trampolines = trampolines,
	    .hooks = hooks,
	    .count = REAL_COUNT,
	};
	enum static_outcome outcome = prepare(&patch);

	if (outcome == STATIC_DONE && !patch_write(&patch))
		outcome = STATIC_WRITE;
	if (outcome != STATIC_DONE)
		patch_drop(&patch);
	state.patched = outcome == STATIC_DONE ? (uint16_t)patch_good_count(&patch) : 0;
	return outcome;
}

/* ---- The copy -------------------------------------------------------------------------------- */

/* A function that is not patched is called as it is. */
static void copy_fill(struct libuv_copy *copy)
{
	ssize_t length = readlink("/proc/self/exe", copy->path, sizeof(copy->path) - 1);

	copy->path[length > 0 ? length : 0] = '\0';
	for (int i = 0; i < REAL_COUNT; i++)
		copy->functions[i] =
		    (void *)(trampolines[i] ? trampolines[i]
					    : state.plan.parts.functions[i].address);
	copy->functions[REAL_uv_write_direct] = copy->functions[REAL_uv_write2];
	copy->text = state.plan.parts.text;
}

static int executable_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct static_executable *executable = arg;

	(void)size;
	executable->segments = info->dlpi_phdr;
	executable->segment_count = info->dlpi_phnum;
	executable->bias = info->dlpi_addr;
	executable->is_absolute = info->dlpi_addr == 0;
	return 1; /* the executable comes first */
}

static bool is_candidate(const struct static_executable *executable)
{
	struct elf_image image;

	return executable->wants_hidden ||
	       (elf_image_read(&image, executable->segments, executable->segment_count,
			       executable->bias) &&
		elf_image_function(&image, libuv_function_name(REAL_uv_run)).address);
}

bool by_patch_executable(bool wanted, bool wants_hidden, struct libuv_copy *copy)
{
	struct static_executable executable = {.path = "/proc/self/exe",
					       .wants_hidden = wants_hidden};
	int saved_errno = errno;
	uint64_t start_ns = 0;

	state.is_wanted = wanted;
	dl_iterate_phdr(executable_visit, &executable);
	if (is_candidate(&executable)) {
		libc_clock_find();
		start_ns = clock_mono_ns();
	}
	static_plan_make(&state.plan, &executable);
	if (state.plan.outcome == STATIC_READY)
		state.plan.outcome = wanted && !getauxval(AT_SECURE) ? patch_now() : STATIC_OFF;
	if (state.plan.outcome == STATIC_DONE)
		copy_fill(copy);
	if (start_ns)
		state.took_ns = (uint32_t)(clock_mono_ns() - start_ns);
	errno = saved_errno;
	return state.plan.outcome == STATIC_DONE;
}
