/* SPDX-License-Identifier: Apache-2.0
 *
 * See own_text.h.
 */
#include "own_text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PROC_MAGIC 0x9fa0 /* of procfs, in struct statfs */
#define PAGE_BYTES ((uintptr_t)4096)

static bool is_proc(int fd)
{
	struct statfs statfs;

	return fstatfs(fd, &statfs) == 0 && statfs.f_type == PROC_MAGIC;
}

/* ---- The file -------------------------------------------------------------------------------- */

static const ElfW(Phdr) * segment_with(const struct elf_image *image, uintptr_t address)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X &&
		    address - image->bias - segment->p_vaddr < segment->p_filesz)
			return segment;
	}
	return NULL;
}

/* Where the dynamic linker was started as the program, /proc/self/exe is its file: the head of a
 * file tells one from another. */
static bool file_is_of_image(int fd, const struct elf_image *image)
{
	ElfW(Ehdr) head;
	const ElfW(Phdr) *first = NULL;

	for (size_t i = 0; !first && i < image->segment_count; i++)
		if (image->segments[i].p_type == PT_LOAD && image->segments[i].p_offset == 0)
			first = &image->segments[i];
	return first && first->p_filesz >= sizeof(head) &&
	       pread(fd, &head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(&head, (void *)(first->p_vaddr + image->bias), sizeof(head)) == 0;
}

bool own_file_open(struct own_file *file, const struct elf_image *image, uintptr_t start,
		   uintptr_t end)
{
	const ElfW(Phdr) *segment = segment_with(image, start);
	uintptr_t offset, skipped;
	struct stat status;
	int fd;

	*file = (struct own_file){.start = start, .byte_count = end - start};
	if (!segment || segment != segment_with(image, end - 1))
		return false;
	offset = start - image->bias - segment->p_vaddr + segment->p_offset;
	skipped = offset % PAGE_BYTES;
	file->mapping_bytes = skipped + file->byte_count;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) == 0 && (uintptr_t)status.st_size >= offset + file->byte_count &&
	    file_is_of_image(fd, image)) {
		file->mapping = mmap(NULL, file->mapping_bytes, PROT_READ, MAP_PRIVATE, fd,
				     (off_t)(offset - skipped));
		if (file->mapping != MAP_FAILED)
			file->bytes = (const uint8_t *)file->mapping + skipped;
	}
	close(fd);
	return file->bytes != NULL;
}

void own_file_close(struct own_file *file)
{
	if (file->bytes)
		munmap(file->mapping, file->mapping_bytes);
	file->bytes = NULL;
}

bool own_file_matches(const struct own_file *file, uintptr_t address, size_t bytes)
{
	uintptr_t at = address - file->start;

	return at <= file->byte_count && bytes <= file->byte_count - at &&
	       memcmp(file->bytes + at, (void *)address, bytes) == 0;
}

const uint8_t *own_file_at(const struct own_file *file, uintptr_t address)
{
	return file->bytes + (address - file->start);
}

/* ---- The memory ------------------------------------------------------------------------------ */

/* The kernel counts tasks among the links of that directory. */
bool own_task_is_alone(void)
{
	struct stat status;

	return stat("/proc/self/task", &status) == 0 && status.st_nlink == 3;
}

int own_text_open(void)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (fd >= 0 && !is_proc(fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool own_text_write(int fd, uintptr_t address, const uint8_t *code, size_t bytes)
{
	return pwrite(fd, code, bytes, (off_t)address) == (ssize_t)bytes &&
	       memcmp((void *)address, code, bytes) == 0;
}
