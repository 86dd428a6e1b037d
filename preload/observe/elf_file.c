/* SPDX-License-Identifier: Apache-2.0
 *
 * See elf_file.h.
 */
#include "elf_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files/regular_file.h"

#define PHDRS_MAX	64
#define SHDRS_MAX	4096
#define NOTES_BYTES_MAX 4096
#define SYMTAB_MAX	(1u << 17) /* some milliseconds */

bool elf_read(int fd, void *to, uint64_t bytes, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

static bool elf_header(int fd, Elf64_Ehdr *header)
{
	return elf_read(fd, header, sizeof(*header), 0) &&
	       memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_phentsize == sizeof(Elf64_Phdr);
}

/* The program's own view of its files first: it may have changed its root. */
int elf_open(uint32_t pid, const char *path)
{
	char from_root[PATH_MAX + 64];
	int fd;

	if (path[0] != '/')
		return -1;
	snprintf(from_root, sizeof(from_root), "/proc/%u/root%s", pid, path);
	fd = regular_file_open(from_root, 0);
	return fd >= 0 ? fd : regular_file_open(path, 0);
}

uint32_t elf_build_id(const char *notes, uint64_t bytes, const char **id)
{
	uint64_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= bytes) {
		Elf64_Nhdr note;
		uint64_t name, description;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		description = name + (((uint64_t)note.n_namesz + 3) & ~3ull);
		at = description + (((uint64_t)note.n_descsz + 3) & ~3ull);
		if (at > bytes)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(notes + name, "GNU", 4) == 0 && note.n_descsz <= ELF_BUILD_ID_BYTES) {
			*id = notes + description;
			return note.n_descsz;
		}
	}
	return 0;
}

static void elf_notes(int fd, const Elf64_Phdr *segment, struct elf_file *file)
{
	char notes[NOTES_BYTES_MAX];
	uint64_t bytes = segment->p_filesz < sizeof(notes) ? segment->p_filesz : sizeof(notes);
	const char *id;
	uint32_t id_bytes;

	if (!elf_read(fd, notes, bytes, segment->p_offset))
		return;
	id_bytes = elf_build_id(notes, bytes, &id);
	if (!id_bytes)
		return;
	file->build_id_bytes = (uint16_t)id_bytes;
	memcpy(file->build_id, id, id_bytes);
}

/* Bias and build-id. The segment that was mapped is the one which holds the mapping's offset in the
 * file. */
void elf_describe(int fd, uint64_t start, uint64_t offset, struct elf_file *file)
{
	Elf64_Ehdr header;
	Elf64_Phdr segments[PHDRS_MAX];

	if (!elf_header(fd, &header) || header.e_phnum > PHDRS_MAX ||
	    !elf_read(fd, segments, header.e_phnum * sizeof(segments[0]), header.e_phoff))
		return;
	for (int i = 0; i < header.e_phnum; i++) {
		const Elf64_Phdr *segment = &segments[i];
		uint64_t page_start = segment->p_offset & ~4095ull;

		if (segment->p_type == PT_NOTE && file->build_id_bytes == 0)
			elf_notes(fd, segment, file);
		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X && offset >= page_start &&
		    offset < segment->p_offset + segment->p_filesz)
			file->bias = start - (segment->p_vaddr - segment->p_offset + offset);
	}
}

/* Whether the file is what was mapped, as far as can be told: it may have been replaced since. */
bool elf_is(int fd, const struct elf_file *file)
{
	struct elf_file now = {0};

	if (file->build_id_bytes == 0)
		return true;
	elf_describe(fd, 0, 0, &now);
	return now.build_id_bytes == file->build_id_bytes &&
	       memcmp(now.build_id, file->build_id, file->build_id_bytes) == 0;
}

static bool elf_section(int fd, const Elf64_Ehdr *header, uint32_t index, Elf64_Shdr *section)
{
	return index < header->e_shnum && header->e_shentsize == sizeof(*section) &&
	       elf_read(fd, section, sizeof(*section),
			header->e_shoff + (uint64_t)index * sizeof(*section));
}

/* Of a file that was not stripped, the table that has static functions too, unless it would take
 * long to go through. */
bool elf_symbols(int fd, Elf64_Shdr *symbols, Elf64_Shdr *strings)
{
	Elf64_Shdr section;
	Elf64_Ehdr header;

	*symbols = (Elf64_Shdr){.sh_type = SHT_NULL};
	if (!elf_header(fd, &header) || header.e_shnum > SHDRS_MAX)
		return false;
	for (uint32_t i = 0; elf_section(fd, &header, i, &section); i++)
		if ((section.sh_type == SHT_DYNSYM && symbols->sh_type == SHT_NULL) ||
		    (section.sh_type == SHT_SYMTAB &&
		     section.sh_size / sizeof(Elf64_Sym) <= SYMTAB_MAX))
			*symbols = section;
	return symbols->sh_type != SHT_NULL && elf_section(fd, &header, symbols->sh_link, strings);
}

bool elf_symtab(int fd, Elf64_Shdr *symbols, Elf64_Shdr *strings)
{
	Elf64_Ehdr header;

	if (!elf_header(fd, &header) || header.e_shnum > SHDRS_MAX)
		return false;
	for (uint32_t i = 0; elf_section(fd, &header, i, symbols); i++)
		if (symbols->sh_type == SHT_SYMTAB)
			return elf_section(fd, &header, symbols->sh_link, strings);
	return false;
}
