/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of the test itself are patched for real: calls come to the wrapper, the trampoline runs
 * the function, and where a write fails everything is as it was.
 */
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "patch/own_text.h"
#include "patch/patch.h"

#define KEEP __attribute__((noinline, noclone, used, optimize("no-optimize-sibling-calls")))

static int wrapper_calls;

KEEP static int doubled(int value)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop" ::: "memory");
	return value ? 2 * value : -1;
}

KEEP static int tripled(int value)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop" ::: "memory");
	return value ? 3 * value : -2;
}

KEEP static int wrapper(int value)
{
	wrapper_calls++;
	return value;
}

static struct elf_image own_image;

static int image_visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size, (void)arg;
	elf_image_read(&own_image, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_addr);
	return 1;
}

static struct entry_plan plans[2];
static void *const wrappers[2] = {(void *)wrapper, (void *)wrapper};
static uintptr_t trampolines[2], hooks[2];

static struct patch patch_of(void *first, void *second)
{
	void *functions[] = {first, second};

	dl_iterate_phdr(image_visit, NULL);
	for (int i = 0; i < 2; i++)
		entry_plan_make(&plans[i], &own_image,
				(struct elf_function){(uintptr_t)functions[i], 16}, 1);
	return (struct patch){.image = &own_image,
			      .plans = plans,
			      .wrappers = wrappers,
			      .trampolines = trampolines,
			      .hooks = hooks,
			      .count = 2};
}

Test(patch, calls_come_to_the_wrapper)
{
	int (*volatile call)(int) = doubled;
	struct patch patch = patch_of((void *)doubled, (void *)tripled);

	if (!insn_is_known())
		cr_skip_test("built without a decoder");
	cr_assert_eq(patch_good_count(&patch), 2, "%s", entry_reason_text(plans[0].reason));
	cr_assert(patch_compare(&patch));
	cr_assert(patch_build(&patch));
	cr_assert_eq(call(21), 42);
	cr_assert(patch_write(&patch));
	cr_assert_eq(call(21), 21);
	cr_assert_eq(wrapper_calls, 1);
	cr_assert_eq(((int (*)(int))trampolines[0])(21), 42);
	cr_assert_eq(((int (*)(int))trampolines[0])(0), -1);
	cr_assert_eq(((int (*)(int))trampolines[1])(21), 63);
	cr_assert_eq(((int (*)(int))trampolines[1])(0), -2);
}

/* What has been changed is not the file's any more. */
Test(patch, changed_code_is_refused)
{
	struct patch patch = patch_of((void *)doubled, (void *)tripled), again;

	if (!insn_is_known())
		cr_skip_test("built without a decoder");
	cr_assert(patch_build(&patch) && patch_write(&patch));
	again = patch_of((void *)doubled, (void *)tripled);
	cr_assert(patch_compare(&again));
	cr_assert_eq(plans[0].reason, ENTRY_CHANGED);
	cr_assert_eq(patch_good_count(&again), 0);
}

/* Functions of one page are written together, but not over what somebody has put in between. */
Test(patch, what_lies_between_functions_stays)
{
	struct patch patch = patch_of((void *)doubled, (void *)tripled);
	bool is_first = plans[0].entry < plans[1].entry;
	uint8_t *between = (uint8_t *)plans[is_first].entry - 1;
	uint8_t file_byte = *between, other = 0xcc;
	int fd = own_text_open();

	if (!insn_is_known())
		cr_skip_test("built without a decoder");
	cr_assert_geq((uintptr_t)between, plans[!is_first].entry + plans[!is_first].zone_bytes);
	cr_assert(patch_compare(&patch) && patch_build(&patch));
	cr_assert(own_text_write(fd, (uintptr_t)between, &other, 1));
	cr_assert(patch_write(&patch));
	cr_assert_eq(*between, other);
	cr_assert(own_text_write(fd, (uintptr_t)between, &file_byte, 1));
	cr_assert_eq(((int (*)(int))doubled)(21) + ((int (*)(int))tripled)(21), 42);
	cr_assert_eq(wrapper_calls, 2);
}

/* The second function lies where nothing can be written. */
Test(patch, failed_write_is_taken_back)
{
	uint8_t before[64];
	struct patch patch = patch_of((void *)doubled, (void *)tripled);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int (*volatile call)(int) = doubled;

	if (!insn_is_known())
		cr_skip_test("built without a decoder");
	cr_assert(patch_build(&patch));
	memcpy(before, (void *)doubled, sizeof(before));
	memcpy(page, (void *)tripled, 64);
	/* A mapping of a file, shared and read only: not even /proc/self/mem writes there. */
	plans[1].entry = (uintptr_t)mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_not(patch_write(&patch));
	cr_assert_eq(memcmp(before, (void *)doubled, sizeof(before)), 0);
	cr_assert_eq(call(4), 8);
	munmap(page, 4096);
}

/* Out of reach of a jump there is no island, and none is put where something is. */
Test(patch, island_is_below_the_executable)
{
	struct island island;

	dl_iterate_phdr(image_visit, NULL);
	cr_assert(island_make(&island, &own_image, 100));
	cr_assert_eq(island.bytes, 4096);
	cr_assert_lt((uintptr_t)island.code, (uintptr_t)patch_of);
	cr_assert_lt((uintptr_t)patch_of - (uintptr_t)island.code, INSN_REACH);
	memset(island.code, 0xc3, 16);
	cr_assert(island_seal(&island));
	((void (*)(void))island.code)();
	island_free(&island);
	cr_assert_null(island.code);
}

static void *sleeper(void *arg)
{
	pause();
	return arg;
}

/* In a child, whose only task is the one that made it. */
Test(patch, tasks_are_counted)
{
	pid_t child = fork();
	pthread_t thread;
	int status;

	if (child == 0) {
		if (!own_task_is_alone())
			_exit(1);
		_exit(pthread_create(&thread, NULL, sleeper, NULL) || own_task_is_alone() ? 2 : 0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
}
