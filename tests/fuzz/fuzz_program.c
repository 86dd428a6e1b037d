/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an executable's file through `trace_ctl program`: mapped, its symbols looked
 * up, its functions planned. Seeds: a small program with libuv inside, its names exported and not.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libuv/static_marks.h"
#include "libuv/static_plan.h"
#include "patch/elf_view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int file_put(const uint8_t *data, size_t bytes)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("program", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, bytes, 0) != (ssize_t)bytes)
		abort();
	return fd;
}

/* What is good can also be written elsewhere, and read again. */
static void build(const struct static_plan *plan)
{
	uint8_t code[ENTRY_TRAMPOLINE_BYTES_MAX], zone[ENTRY_ZONE_BYTES_MAX];

	for (size_t i = 0; i < REAL_COUNT; i++) {
		const struct entry_plan *entry = &plan->plans[i];
		uintptr_t at = entry->entry - 65536;
		size_t code_bytes;

		if (entry->reason != ENTRY_GOOD)
			continue;
		code_bytes = entry_put_trampoline(entry, at, code);
		if (code_bytes && !entry_trampoline_is_good(entry, at, code, code_bytes))
			abort();
		entry_put_zone(entry, at, zone);
		entry_put_hook(entry, at, code);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct static_plan plan;
	struct static_executable executable;
	struct elf_view view;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_put(data, bytes));
	if (elf_view_open(&view, path) != 0)
		return 0;
	executable = static_executable_of(&view, path);
	static_plan_make(&plan, &executable);
	static_marks_find(&plan.parts.image);
	if (plan.outcome == STATIC_READY)
		build(&plan);
	elf_view_close(&view);
	return 0;
}
