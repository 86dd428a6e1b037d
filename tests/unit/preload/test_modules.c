/* SPDX-License-Identifier: Apache-2.0
 *
 * What is mapped in this very process, against what the dynamic linker says about it; and files
 * that claim to be ELF.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "observe/maps.h"
#include "observe/modules.h"

static struct modules modules;

static void setup(void)
{
	modules_init(&modules, (uint32_t)getpid());
	cr_assert_eq(modules_read(&modules), 0);
}

TestSuite(modules, .init = setup);

static uint64_t address_of(const char *name)
{
	void *address = dlsym(RTLD_DEFAULT, name);

	cr_assert_not_null(address);
	return (uintptr_t)address;
}

static void assert_text(struct module_text text, const char *expected)
{
	cr_assert_eq(text.bytes, strlen(expected), "%.*s, not %s", text.bytes,
		     modules.text + text.at, expected);
	cr_assert_eq(memcmp(modules.text + text.at, expected, text.bytes), 0);
}

/* ---- Against the dynamic linker -------------------------------------------------------------- */

static int check_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	int *checked = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + segment->p_vaddr;
		const struct module *module;

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		/* The first and the last byte: a text may be mapped in several pieces. */
		for (int last = 0; last < 2; last++) {
			module = modules_find(&modules, start + (last ? segment->p_memsz - 1 : 0));
			cr_assert_not_null(module, "%s", info->dlpi_name);
			cr_assert_eq(module->file.bias, info->dlpi_addr, "%s", info->dlpi_name);
		}
		++*checked;
	}
	return 0;
}

Test(modules, bias_is_the_linkers)
{
	int checked = 0;

	dl_iterate_phdr(check_module, &checked);
	cr_assert_geq(checked, 3);
}

static int check_build_id(struct dl_phdr_info *info, size_t size, void *arg)
{
	int *checked = arg;
	const struct module *module = NULL;
	const ElfW(Nhdr) *note = NULL;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X)
			module = modules_find(&modules, info->dlpi_addr + segment->p_vaddr);
		if (segment->p_type == PT_NOTE && segment->p_memsz == sizeof(*note) + 4 + 20)
			note = (const ElfW(Nhdr) *)(info->dlpi_addr + segment->p_vaddr);
	}
	if (!module || !note || note->n_type != NT_GNU_BUILD_ID)
		return 0;
	cr_assert_eq(module->file.build_id_bytes, note->n_descsz);
	cr_assert_eq(memcmp(module->file.build_id, (const char *)(note + 1) + 4, note->n_descsz),
		     0);
	++*checked;
	return 0;
}

Test(modules, build_id_is_what_lies_in_memory)
{
	int checked = 0;

	dl_iterate_phdr(check_build_id, &checked);
	cr_assert_geq(checked, 1);
}

/* The note as the kernel made it: size of the name, of the id, type 3, "GNU". */
Test(modules, the_kernels_own_module_has_a_build_id)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const uint32_t begins[] = {4, 20, 3, 0x554e47};
	const struct module *module;
	size_t at = 0;

	if (!image)
		cr_skip_test("no vDSO here");
	module = modules_find(&modules, (uintptr_t)image);
	cr_assert_not_null(module);
	while (at < 4096 && memcmp(image + at, begins, sizeof(begins)) != 0)
		at += 4;
	cr_assert_lt(at, 4096u);
	cr_assert_eq(module->file.build_id_bytes, 20);
	cr_assert_eq(memcmp(module->file.build_id, image + at + sizeof(begins), 20), 0);
}

Test(modules, symbols_are_the_linkers)
{
	struct module_symbol symbols[] = {
	    {.address = address_of("lfind") + 5, .tag = 1},
	    {.address = address_of("hcreate"), .tag = 2},
	    {.address = 16, .tag = 3},
	    {.address = address_of("crc32"), .tag = 4},
	};

	modules_resolve(&modules, symbols, 4);
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = {"lfind", "hcreate", "", "crc32"};

		assert_text(symbols[i].name, names[symbols[i].tag - 1]);
		cr_assert_eq(symbols[i].offset, symbols[i].tag == 1 ? 5 : 0);
	}
}

/* Which the dynamic linker knows nothing of. */
Test(modules, static_functions_have_names)
{
	struct module_symbol symbol = {.address = (uintptr_t)setup};

	modules_resolve(&modules, &symbol, 1);
	assert_text(symbol.name, "setup");
	cr_assert_eq(symbol.offset, 0);
}

/* How many bytes of the function in which the address lies begin there, as the linker's table says;
 * 0: it lies in none. */
static uint64_t function_bytes_from(uint64_t address)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!dladdr1((void *)(uintptr_t)address, &info, (void **)&symbol, RTLD_DL_SYMENT) ||
	    !symbol || ELF64_ST_TYPE(symbol->st_info) != STT_FUNC ||
	    address - (uintptr_t)info.dli_saddr >= symbol->st_size)
		return 0;
	return symbol->st_size - (address - (uintptr_t)info.dli_saddr);
}

Test(modules, many_addresses_at_once)
{
	struct module_symbol symbols[256];
	uint64_t start = address_of("lfind") & ~4095ull;

	for (uint32_t i = 0; i < 256; i++)
		symbols[i] =
		    (struct module_symbol){.address = start + (i * 7919) % 65536, .tag = i};
	modules_resolve(&modules, symbols, 256);
	for (uint32_t i = 0; i < 256; i++) {
		Dl_info info;

		cr_assert_eq(symbols[i].address, start + (symbols[i].tag * 7919) % 65536);
		cr_assert(symbols[i].name.bytes > 0 ||
			  function_bytes_from(symbols[i].address) == 0);
		if (symbols[i].name.bytes == 0)
			continue;
		cr_assert(dladdr((void *)(uintptr_t)symbols[i].address, &info) && info.dli_sname);
		cr_assert_eq(symbols[i].offset, symbols[i].address - (uintptr_t)info.dli_saddr);
	}
}

/* Of a module 4,096 parts are told apart: the function begins in one, and the wanted address, its
 * last byte, is the first of the next. */
Test(modules, function_across_two_parts)
{
	uint64_t function = address_of("lfind"), part_bytes = 1;
	uint64_t last_byte = function + function_bytes_from(function) - 1;
	const struct module *module = modules_find(&modules, last_byte);
	struct module_symbol symbols[3] = {0};

	while ((module->end - module->start) / part_bytes >= 4096)
		part_bytes *= 2;
	symbols[0].address = module->start + (last_byte - module->start) % part_bytes;
	symbols[1].address = last_byte;
	symbols[2].address = symbols[0].address + 4095 * part_bytes;
	if (symbols[2].address >= module->end)
		symbols[2].address = module->end - 1;
	modules_resolve(&modules, symbols, 3);
	assert_text(symbols[1].name, "lfind");
}

/* Of a large table, as this program's, there is an index since the first search. */
Test(modules, the_second_search_finds_the_same)
{
	static char names[512][MODULES_SYMBOL_BYTES];
	static struct module_symbol symbols[512];
	uint64_t start = (uintptr_t)setup & ~4095ull;
	uint32_t named = 0;

	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 512; i++)
			symbols[i] = (struct module_symbol){.address = start + i * 37, .tag = i};
		modules_resolve(&modules, symbols, 512);
		for (uint32_t i = 0; i < 512; i++) {
			struct module_text name = symbols[i].name;
			char *first = names[symbols[i].tag];

			named += name.bytes > 0;
			if (round == 0)
				memcpy(first, modules.text + name.at, name.bytes);
			else
				assert_text(name, first);
		}
	}
	cr_assert_gt(named, 0u);
	cr_assert_eq(modules.indexed, modules_find(&modules, start));
}

Test(modules, reading_again_adds_only_what_is_new)
{
	uint32_t count = modules.count;

	cr_assert_eq(modules_read(&modules), 0);
	cr_assert_eq(modules.count, count);
	cr_assert_null(modules_find(&modules, (uintptr_t)&modules));
}

Test(modules, mapped_files_are_found)
{
	Dl_info info;
	char *path;

	cr_assert(dladdr((void *)(uintptr_t)address_of("lfind"), &info));
	path = realpath(info.dli_fname, NULL);
	cr_assert_eq(maps_has_path((uint32_t)getpid(), path), 1);
	cr_assert_eq(maps_has_path((uint32_t)getpid(), "/nowhere/at.all"), 0);
	cr_assert_lt(maps_has_path(0x7fffffff, path), 0);
	free(path);
}

/* ---- Garbage --------------------------------------------------------------------------------- */

#define COPY_BYTES_MAX (4u << 20)

static char copy_path[] = "/tmp/uvtrace_test_modules_XXXXXX";
static uint8_t *copy;
static size_t copy_bytes;

/* A library of this process, as a file of our own that can be spoilt. */
static void copy_make(void)
{
	Dl_info info;
	int from, to;

	cr_assert(dladdr((void *)(uintptr_t)address_of("crc32"), &info));
	from = open(info.dli_fname, O_RDONLY);
	to = mkstemp(copy_path);
	copy = malloc(COPY_BYTES_MAX);
	copy_bytes = (size_t)read(from, copy, COPY_BYTES_MAX);
	cr_assert_eq(write(to, copy, copy_bytes), (ssize_t)copy_bytes);
	close(from);
	close(to);
}

/* Maps the copy as code, so that it is a module, and has everything in it looked up. */
static void copy_try(size_t bytes)
{
	int fd = open(copy_path, O_RDWR | O_TRUNC);
	struct module_symbol symbols[64];
	void *memory;

	cr_assert_eq(write(fd, copy, bytes), (ssize_t)bytes);
	memory = mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	cr_assert_neq(memory, MAP_FAILED);
	close(fd);
	modules_init(&modules, (uint32_t)getpid());
	cr_assert_eq(modules_read(&modules), 0);
	cr_assert_not_null(modules_find(&modules, (uintptr_t)memory));
	for (uint32_t i = 0; i < 64; i++)
		symbols[i] =
		    (struct module_symbol){.address = (uintptr_t)memory + i * (bytes / 64)};
	modules_resolve(&modules, symbols, 64);
	munmap(memory, bytes);
}

Test(modules, spoilt_files_do_no_harm)
{
	static uint8_t whole[COPY_BYTES_MAX];
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)whole;

	copy_make();
	memcpy(whole, copy, copy_bytes);
	srandom(3);
	for (int round = 0; round < 300; round++) {
		memcpy(copy, whole, copy_bytes);
		for (int i = 0; i < 1 + round % 20; i++) {
			uint64_t tables[] = {0, 0, header->e_shoff,
					     (uint64_t)random() % copy_bytes};

			copy[(tables[random() % 4] + (uint64_t)random() % 2048) % copy_bytes] =
			    (uint8_t)random();
		}
		copy_try(round % 10 ? copy_bytes : 1 + (size_t)random() % copy_bytes);
	}
	unlink(copy_path);
}

Test(modules, file_of_noise_is_a_module_without_names)
{
	copy_make();
	for (size_t i = 0; i < copy_bytes; i++)
		copy[i] = (uint8_t)random();
	copy_try(copy_bytes);
	memcpy(copy, ELFMAG, SELFMAG);
	copy[EI_CLASS] = ELFCLASS64;
	copy_try(copy_bytes);
	unlink(copy_path);
}
