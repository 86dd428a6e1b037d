/* SPDX-License-Identifier: Apache-2.0
 *
 * See island.h. Where the kernel or a filter refuses to make written memory executable
 * (PR_SET_MDWE, systemd's MemoryDenyWriteExecute), the code is written into a file without a name,
 * and that is mapped.
 */
#include "island.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "insn.h"

#define PAGE_BYTES ((uintptr_t)4096)
#define STEP_BYTES ((uintptr_t)65536) /* also the largest page there is */
#define TRIES_MAX  1024

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* The first address of the image, and the end of its code. */
static void image_range(const struct elf_image *image, uintptr_t *start, uintptr_t *code_end)
{
	*start = UINTPTR_MAX;
	*code_end = 0;
	for (size_t i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];
		uintptr_t first = segment->p_vaddr + image->bias;

		if (segment->p_type != PT_LOAD)
			continue;
		if (first < *start)
			*start = first;
		if (segment->p_flags & PF_X && first + segment->p_memsz > *code_end)
			*code_end = first + segment->p_memsz;
	}
}

bool island_make(struct island *island, const struct elf_image *image, size_t bytes)
{
	uintptr_t start, code_end, at;

	*island = (struct island){.bytes = (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)};
	image_range(image, &start, &code_end);
	at = start & ~(STEP_BYTES - 1);
	for (int i = 0; i < TRIES_MAX && at > STEP_BYTES; i++) {
		void *memory;

		at -= STEP_BYTES;
		if (code_end - at >= INSN_REACH)
			return false;
		memory = mmap((void *)at, island->bytes, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (memory == (void *)at) {
			island->code = memory;
			return true;
		}
		if (memory != MAP_FAILED) /* a kernel that does not know the flag */
			munmap(memory, island->bytes);
	}
	return false;
}

/* The same bytes at the same place, out of a file without a name. */
static bool seal_by_file(const struct island *island)
{
	int fd = memfd_create("uvtrace", MFD_CLOEXEC);
	void *memory = MAP_FAILED;

	if (fd < 0)
		return false;
	if (write(fd, island->code, island->bytes) == (ssize_t)island->bytes)
		memory = mmap(island->code, island->bytes, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_FIXED, fd, 0);
	close(fd);
	return memory == island->code;
}

bool island_seal(const struct island *island)
{
	if (mprotect(island->code, island->bytes, PROT_READ | PROT_EXEC) != 0 &&
	    !seal_by_file(island))
		return false;
	__builtin___clear_cache((char *)island->code, (char *)island->code + island->bytes);
	return true;
}

void island_free(struct island *island)
{
	if (island->code)
		munmap(island->code, island->bytes);
	island->code = NULL;
}
