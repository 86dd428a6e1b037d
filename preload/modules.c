/* SPDX-License-Identifier: Apache-2.0
 *
 * See modules.h. First /proc/PID/maps line by line, then ELF: program headers for bias and build-id, the section
 * table for .dynsym and .dynstr.
 */
#include "modules.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace_format.h"
#include "regular_file.h"

#define MAPS_BYTES	(PATH_MAX + 4096) /* longer than any line */
#define PHDRS_MAX	64
#define SHDRS_MAX	4096
#define NOTES_BYTES_MAX 4096
#define DYNSYM_MAX	(1u << 20)
#define SYMTAB_MAX	(1u << 17) /* some milliseconds */
#define SYMS_READ	256
#define UNNAMED_GAP	(16u << 20)

/* ---- /proc/PID/maps ------------------------------------------------------------------------------------- */

struct mapping {
	uint64_t start, end, offset;
	bool executable;
	const char *path; /* "" where it has none */
};

/* Returns false to stop. */
typedef bool (*mapping_visit)(const struct mapping *mapping, void *arg);

/* START-END PERMS OFFSET DEV INODE    PATH */
static bool mapping_parse(const char *line, struct mapping *mapping)
{
	unsigned long long start, end, offset;
	char permissions[8];
	int path = 0;

	if (sscanf(line, "%llx-%llx %7s %llx %*s %*s %n", &start, &end, permissions, &offset, &path) != 4 || path == 0)
		return false;
	mapping->start = start;
	mapping->end = end;
	mapping->offset = offset;
	mapping->executable = strchr(permissions, 'x') != NULL;
	mapping->path = line + path;
	return start < end;
}

/* Visits the whole lines in the buffer; returns how many bytes of it they take, or -1 to stop. */
static ssize_t maps_lines(char *buffer, size_t bytes, mapping_visit visit, void *arg)
{
	size_t at = 0;
	char *newline;

	while ((newline = memchr(buffer + at, '\n', bytes - at))) {
		struct mapping mapping;

		*newline = '\0';
		if (mapping_parse(buffer + at, &mapping) && !visit(&mapping, arg))
			return -1;
		at = (size_t)(newline + 1 - buffer);
	}
	return (ssize_t)at;
}

static int maps_fd = -1; /* see modules_use_maps() */

void modules_use_maps(int fd)
{
	maps_fd = fd;
}

static int maps_open(uint32_t pid)
{
	char path[32];
	int fd;

	if (pid == 0)
		return -ESRCH;
	if (maps_fd >= 0)
		return lseek(maps_fd, 0, SEEK_SET) == 0 ? maps_fd : -errno;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

static int maps_walk(uint32_t pid, mapping_visit visit, void *arg)
{
	char buffer[MAPS_BYTES];
	size_t filled = 0;
	ssize_t bytes, used;
	int fd = maps_open(pid), error = 0;

	if (fd < 0)
		return fd;
	while ((bytes = read(fd, buffer + filled, sizeof(buffer) - filled)) > 0) {
		filled += (size_t)bytes;
		used = maps_lines(buffer, filled, visit, arg);
		if (used <= 0) /* stopped, or a line without end */
			break;
		filled -= (size_t)used;
		memmove(buffer, buffer + used, filled);
	}
	if (bytes < 0)
		error = -errno;
	if (fd != maps_fd)
		close(fd);
	return error;
}

struct wanted_path {
	const char *path;
	size_t bytes;
	bool found;
	bool any;
};

static bool visit_wanted(const struct mapping *mapping, void *arg)
{
	struct wanted_path *wanted = arg;

	wanted->any = true;
	wanted->found = strncmp(mapping->path, wanted->path, wanted->bytes) == 0;
	return !wanted->found;
}

int modules_is_mapped(uint32_t pid, const char *path)
{
	struct wanted_path wanted = {.path = path, .bytes = strlen(path)};
	int error = maps_walk(pid, visit_wanted, &wanted);

	if (error)
		return error;
	if (wanted.any || maps_fd >= 0)
		return wanted.found;
	return -ESRCH; /* a zombie has no maps, nor has one whose first thread has ended */
}

/* ---- ELF files ------------------------------------------------------------------------------------------ */

static bool elf_read(int fd, void *to, uint64_t bytes, uint64_t offset)
{
	return offset <= INT64_MAX && pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

static bool elf_header(int fd, Elf64_Ehdr *header)
{
	return elf_read(fd, header, sizeof(*header), 0) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_phentsize == sizeof(Elf64_Phdr);
}

/* The program's own view of its files first: it may have changed its root. */
static int elf_open(uint32_t pid, const char *path)
{
	char from_root[PATH_MAX + 64];
	int fd;

	if (path[0] != '/')
		return -1;
	snprintf(from_root, sizeof(from_root), "/proc/%u/root%s", pid, path);
	fd = regular_file_open(from_root);
	return fd >= 0 ? fd : regular_file_open(path);
}

uint32_t modules_build_id(const char *notes, uint64_t bytes, const char **id)
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
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
		    note.n_descsz <= MODULES_BUILD_ID_BYTES) {
			*id = notes + description;
			return note.n_descsz;
		}
	}
	return 0;
}

static void elf_notes(int fd, const Elf64_Phdr *segment, struct module *module)
{
	char notes[NOTES_BYTES_MAX];
	uint64_t bytes = segment->p_filesz < sizeof(notes) ? segment->p_filesz : sizeof(notes);
	const char *id;
	uint32_t id_bytes;

	if (!elf_read(fd, notes, bytes, segment->p_offset))
		return;
	id_bytes = modules_build_id(notes, bytes, &id);
	if (!id_bytes)
		return;
	module->build_id_bytes = (uint16_t)id_bytes;
	memcpy(module->build_id, id, id_bytes);
}

/* Bias and build-id. The segment that was mapped is the one which holds the mapping's offset in the file. */
static void elf_describe(int fd, uint64_t offset, struct module *module)
{
	Elf64_Ehdr header;
	Elf64_Phdr segments[PHDRS_MAX];

	if (!elf_header(fd, &header) || header.e_phnum > PHDRS_MAX ||
	    !elf_read(fd, segments, header.e_phnum * sizeof(segments[0]), header.e_phoff))
		return;
	for (int i = 0; i < header.e_phnum; i++) {
		const Elf64_Phdr *segment = &segments[i];
		uint64_t page_start = segment->p_offset & ~4095ull;

		if (segment->p_type == PT_NOTE && module->build_id_bytes == 0)
			elf_notes(fd, segment, module);
		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X && offset >= page_start &&
		    offset < segment->p_offset + segment->p_filesz)
			module->bias = module->start - (segment->p_vaddr - segment->p_offset + offset);
	}
}

/* Whether the file is what was mapped, as far as can be told: it may have been replaced since. */
static bool elf_is(int fd, const struct module *module)
{
	struct module now = {0};

	if (module->build_id_bytes == 0)
		return true;
	elf_describe(fd, 0, &now);
	return now.build_id_bytes == module->build_id_bytes &&
	       memcmp(now.build_id, module->build_id, module->build_id_bytes) == 0;
}

static bool elf_section(int fd, const Elf64_Ehdr *header, uint32_t index, Elf64_Shdr *section)
{
	return index < header->e_shnum && header->e_shentsize == sizeof(*section) &&
	       elf_read(fd, section, sizeof(*section), header->e_shoff + (uint64_t)index * sizeof(*section));
}

/* Of a file that was not stripped, the table that has static functions too, unless it would take long to go through. */
static bool elf_symbols(int fd, Elf64_Shdr *symbols, Elf64_Shdr *strings)
{
	Elf64_Shdr section;
	Elf64_Ehdr header;

	*symbols = (Elf64_Shdr){.sh_type = SHT_NULL};
	if (!elf_header(fd, &header) || header.e_shnum > SHDRS_MAX)
		return false;
	for (uint32_t i = 0; elf_section(fd, &header, i, &section); i++)
		if ((section.sh_type == SHT_DYNSYM && symbols->sh_type == SHT_NULL) ||
		    (section.sh_type == SHT_SYMTAB && section.sh_size / sizeof(Elf64_Sym) <= SYMTAB_MAX))
			*symbols = section;
	return symbols->sh_type != SHT_NULL && elf_section(fd, &header, symbols->sh_link, strings);
}

/* ---- Symbols -------------------------------------------------------------------------------------------- */

/* Addresses of one module that want names, by address. */
struct wanted_symbols {
	struct module_symbol *list;
	uint32_t count;
	uint64_t bias;
	int fd;
	Elf64_Shdr strings;
};

static struct module_text text_add(struct modules *modules, const char *text, size_t bytes)
{
	struct module_text added = {modules->text_bytes, (uint16_t)bytes};

	if (bytes > UINT16_MAX || bytes > MODULES_TEXT_BYTES - modules->text_bytes)
		return (struct module_text){0};
	memcpy(modules->text + modules->text_bytes, text, bytes);
	modules->text_bytes += (uint32_t)bytes;
	return added;
}

static void symbol_name(struct modules *modules, const struct wanted_symbols *wanted, const Elf64_Sym *symbol,
			struct module_symbol *to)
{
	char name[MODULES_SYMBOL_BYTES];
	ssize_t bytes = pread(wanted->fd, name, sizeof(name), (off_t)(wanted->strings.sh_offset + symbol->st_name));
	size_t length = bytes > 0 ? strnlen(name, (size_t)bytes) : 0;

	if (symbol->st_name >= wanted->strings.sh_size || length == (size_t)bytes)
		return;
	to->offset = (uint32_t)(to->address - wanted->bias - symbol->st_value);
	to->name = text_add(modules, name, length);
}

/* The first of the wanted ones at or after this address. */
static uint32_t wanted_lower_bound(const struct wanted_symbols *wanted, uint64_t address)
{
	uint32_t low = 0, high = wanted->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (wanted->list[middle].address - wanted->bias < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Gives its name to the addresses inside it. A symbol without a size names its first byte alone. */
static void symbol_match(struct modules *modules, const struct wanted_symbols *wanted, const Elf64_Sym *symbol)
{
	uint64_t size = symbol->st_size ? symbol->st_size : 1;
	int type = ELF64_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC))
		return;
	for (uint32_t i = wanted_lower_bound(wanted, symbol->st_value); i < wanted->count; i++) {
		if (wanted->list[i].address - wanted->bias - symbol->st_value >= size)
			return;
		if (wanted->list[i].name.bytes == 0)
			symbol_name(modules, wanted, symbol, &wanted->list[i]);
	}
}

static void symbols_walk(struct modules *modules, struct wanted_symbols *wanted)
{
	Elf64_Sym symbols[SYMS_READ];
	Elf64_Shdr section;
	uint64_t count;

	if (!elf_symbols(wanted->fd, &section, &wanted->strings))
		return;
	count = section.sh_size / sizeof(Elf64_Sym);
	count = count < DYNSYM_MAX ? count : DYNSYM_MAX;
	for (uint64_t i = 0; i < count; i += SYMS_READ) {
		uint64_t some = count - i < SYMS_READ ? count - i : SYMS_READ;

		if (!elf_read(wanted->fd, symbols, some * sizeof(Elf64_Sym), section.sh_offset + i * sizeof(Elf64_Sym)))
			return;
		for (uint64_t j = 0; j < some; j++)
			symbol_match(modules, wanted, &symbols[j]);
	}
}

/* By address. Not qsort(): it may allocate. */
static void symbols_sort(struct module_symbol *symbols, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		struct module_symbol symbol = symbols[i];
		uint32_t at = i;

		for (; at > 0 && symbols[at - 1].address > symbol.address; at--)
			symbols[at] = symbols[at - 1];
		symbols[at] = symbol;
	}
}

static void module_resolve(struct modules *modules, const struct module *module, struct module_symbol *symbols,
			   uint32_t count)
{
	struct wanted_symbols wanted = {.list = symbols, .count = count, .bias = module->bias};
	char path[PATH_MAX];

	if (module->path.bytes >= sizeof(path))
		return;
	memcpy(path, modules->text + module->path.at, module->path.bytes);
	path[module->path.bytes] = '\0';
	wanted.fd = elf_open(modules->pid, path);
	if (wanted.fd < 0)
		return;
	if (elf_is(wanted.fd, module))
		symbols_walk(modules, &wanted);
	close(wanted.fd);
}

void modules_resolve(struct modules *modules, struct module_symbol *symbols, uint32_t count)
{
	symbols_sort(symbols, count);
	for (uint32_t first = 0, next; first < count; first = next) {
		const struct module *module = modules_find(modules, symbols[first].address);

		for (next = first + 1; module && next < count && symbols[next].address < module->end; next++)
			;
		if (module)
			module_resolve(modules, module, symbols + first, next - first);
	}
}

/* ---- The list ------------------------------------------------------------------------------------------- */

void modules_init(struct modules *modules, uint32_t pid)
{
	modules->pid = pid;
	modules->count = 0;
	modules->text_bytes = 0;
	modules->unnamed_count = 0;
}

/* The newest first: what lay at an address before has been unmapped. */
const struct module *modules_find(const struct modules *modules, uint64_t address)
{
	for (uint32_t i = modules->count; i-- > 0;)
		if (address >= modules->list[i].start && address < modules->list[i].end)
			return &modules->list[i];
	return NULL;
}

static bool module_is_known(const struct modules *modules, const struct mapping *mapping)
{
	const struct module *module = modules_find(modules, mapping->start);
	size_t bytes = strlen(mapping->path);

	return module && module->start == mapping->start && module->end == mapping->end &&
	       module->path.bytes == bytes && memcmp(modules->text + module->path.at, mapping->path, bytes) == 0;
}

/* Ranges that are close to each other become one: compilers make code in many small pieces. */
static void unnamed_add(struct modules *modules, const struct mapping *mapping)
{
	struct module_range *last = modules->unnamed_count ? &modules->unnamed[modules->unnamed_count - 1] : NULL;

	if (last && (mapping->start - last->end < UNNAMED_GAP || modules->unnamed_count == MODULES_UNNAMED_MAX))
		last->end = mapping->end;
	else
		modules->unnamed[modules->unnamed_count++] = (struct module_range){mapping->start, mapping->end};
}

/* The kernel's own page is no file, but has a name. */
static bool is_module(const struct mapping *mapping)
{
	return mapping->path[0] == '/' || strcmp(mapping->path, "[vdso]") == 0;
}

static bool visit_module(const struct mapping *mapping, void *arg)
{
	struct modules *modules = arg;
	struct module *module = &modules->list[modules->count];
	int fd;

	if (mapping->executable && !is_module(mapping))
		unnamed_add(modules, mapping);
	if (!mapping->executable || !is_module(mapping) || module_is_known(modules, mapping))
		return true;
	if (modules->count == MODULES_MAX)
		return false;
	*module = (struct module){
	    .start = mapping->start,
	    .end = mapping->end,
	    .bias = mapping->start - mapping->offset, /* a guess, for a file that cannot be read */
	};
	module->path = text_add(modules, mapping->path, strlen(mapping->path));
	fd = elf_open(modules->pid, mapping->path);
	if (fd >= 0) {
		elf_describe(fd, mapping->offset, module);
		close(fd);
	}
	modules->count++;
	return true;
}

bool modules_is_code(const struct modules *modules, uint64_t address)
{
	for (uint32_t i = 0; i < modules->unnamed_count; i++)
		if (address >= modules->unnamed[i].start && address < modules->unnamed[i].end)
			return true;
	return modules_find(modules, address) != NULL;
}

int modules_read(struct modules *modules)
{
	modules->unnamed_count = 0;
	return maps_walk(modules->pid, visit_module, modules);
}

void modules_add_noted(struct modules *modules, const void *entries, uint32_t bytes)
{
	const uint32_t fixed = offsetof(struct trace_module_entry, text);
	struct trace_module_entry entry;

	for (const char *at = entries; bytes > fixed && modules->count < MODULES_MAX; at += entry.entry_bytes) {
		struct module *module = &modules->list[modules->count];

		memcpy(&entry, at, fixed); /* once: it may change under us */
		if (entry.entry_bytes < fixed || entry.entry_bytes > bytes || entry.entry_bytes % 8 != 0 ||
		    entry.build_id_bytes > sizeof(module->build_id) ||
		    (uint32_t)entry.build_id_bytes + entry.path_bytes > entry.entry_bytes - fixed)
			return;
		*module = (struct module){.start = entry.start, .end = entry.end, .bias = entry.bias};
		module->build_id_bytes = entry.build_id_bytes;
		memcpy(module->build_id, at + fixed, entry.build_id_bytes);
		module->path = text_add(modules, at + fixed + entry.build_id_bytes, entry.path_bytes);
		modules->count++;
		bytes -= entry.entry_bytes;
	}
}
