/* SPDX-License-Identifier: Apache-2.0
 *
 * See elf_view.h.
 */
#include "elf_view.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES     ((uintptr_t)4096)
#define SPAN_BYTES_MAX ((uintptr_t)1 << 40)

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#else
#define MACHINE EM_AARCH64
#endif

static int head_read(struct elf_view *view, int fd)
{
	ElfW(Ehdr) head;
	size_t bytes;

	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_machine != MACHINE || (head.e_type != ET_EXEC && head.e_type != ET_DYN) ||
	    head.e_phentsize != sizeof(view->segments[0]) || head.e_phnum > ELF_VIEW_SEGMENTS_MAX)
		return -ENOEXEC;
	view->segment_count = head.e_phnum;
	view->is_absolute = head.e_type == ET_EXEC;
	bytes = view->segment_count * sizeof(view->segments[0]);
	return pread(fd, view->segments, bytes, (off_t)head.e_phoff) == (ssize_t)bytes ? 0
										       : -ENOEXEC;
}

/* The pages that the segments span. False: there are none, or too many. */
static bool span(const struct elf_view *view, uintptr_t *start, uintptr_t *end)
{
	*start = UINTPTR_MAX;
	*end = 0;
	for (size_t i = 0; i < view->segment_count; i++) {
		const ElfW(Phdr) *segment = &view->segments[i];
		uintptr_t last = segment->p_vaddr + segment->p_filesz;

		if (segment->p_type != PT_LOAD || !segment->p_filesz)
			continue;
		if (last < segment->p_vaddr || last > UINTPTR_MAX - PAGE_BYTES)
			return false;
		if (segment->p_vaddr < *start)
			*start = segment->p_vaddr & ~(PAGE_BYTES - 1);
		if (last > *end)
			*end = (last + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	}
	return *start < *end && *end - *start <= SPAN_BYTES_MAX;
}

/* Of a segment that ends behind the file's end nothing is mapped: reading it would be fatal. */
static int segments_map(const struct elf_view *view, int fd, uintptr_t start, uint64_t file_bytes)
{
	for (size_t i = 0; i < view->segment_count; i++) {
		const ElfW(Phdr) *segment = &view->segments[i];
		uintptr_t skipped = segment->p_vaddr % PAGE_BYTES;
		uint8_t *at;

		if (segment->p_type != PT_LOAD || !segment->p_filesz)
			continue;
		at = (uint8_t *)view->mapping + (segment->p_vaddr - skipped - start);
		if (segment->p_offset % PAGE_BYTES != skipped || segment->p_offset > file_bytes ||
		    segment->p_filesz > file_bytes - segment->p_offset ||
		    mmap(at, segment->p_filesz + skipped, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd,
			 (off_t)(segment->p_offset - skipped)) == MAP_FAILED)
			return -ENOEXEC;
	}
	return 0;
}

static int view_map(struct elf_view *view, int fd)
{
	int error = head_read(view, fd);
	uintptr_t start, end;
	struct stat status;

	if (error)
		return error;
	if (!span(view, &start, &end) || fstat(fd, &status) != 0)
		return -ENOEXEC;
	view->mapping_bytes = end - start;
	view->mapping = mmap(NULL, view->mapping_bytes, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (view->mapping == MAP_FAILED) {
		view->mapping = NULL;
		return -ENOMEM;
	}
	view->bias = (uintptr_t)view->mapping - start;
	return segments_map(view, fd, start, (uint64_t)status.st_size);
}

int elf_view_open(struct elf_view *view, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;

	*view = (struct elf_view){0};
	if (fd < 0)
		return -errno;
	error = view_map(view, fd);
	close(fd);
	if (error)
		elf_view_close(view);
	return error;
}

void elf_view_close(struct elf_view *view)
{
	if (view->mapping)
		munmap(view->mapping, view->mapping_bytes);
	*view = (struct elf_view){0};
}
