/* SPDX-License-Identifier: Apache-2.0
 *
 * See modules.h: the list of what is mapped.
 */
#include "modules.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "format/trace_format.h"
#include "maps.h"

#define UNNAMED_GAP (16u << 20)
#define VDSO_NAME   "[vdso]"

void modules_init(struct modules *modules, uint32_t pid)
{
	modules->pid = pid;
	modules->count = 0;
	modules->text_bytes = 0;
	modules->unnamed_count = 0;
	modules->indexed = NULL;
}

/* The newest first: what lay at an address before has been unmapped. */
const struct module *modules_find(const struct modules *modules, uint64_t address)
{
	for (uint32_t i = modules->count; i-- > 0;)
		if (address >= modules->list[i].start && address < modules->list[i].end)
			return &modules->list[i];
	return NULL;
}

struct module_text modules_add_text(struct modules *modules, const char *text, size_t bytes)
{
	struct module_text added = {modules->text_bytes, (uint16_t)bytes};

	if (bytes > UINT16_MAX || bytes > MODULES_TEXT_BYTES - modules->text_bytes)
		return (struct module_text){0};
	memcpy(modules->text + modules->text_bytes, text, bytes);
	modules->text_bytes += (uint32_t)bytes;
	return added;
}

static bool module_is_known(const struct modules *modules, const struct mapping *mapping)
{
	const struct module *module = modules_find(modules, mapping->start);
	size_t bytes = strlen(mapping->path);

	return module && module->start == mapping->start && module->end == mapping->end &&
	       module->path.bytes == bytes &&
	       memcmp(modules->text + module->path.at, mapping->path, bytes) == 0;
}

/* Ranges that are close to each other become one: compilers make code in many small pieces. */
static void unnamed_add(struct modules *modules, const struct mapping *mapping)
{
	struct module_range *last =
	    modules->unnamed_count ? &modules->unnamed[modules->unnamed_count - 1] : NULL;

	if (last && (mapping->start - last->end < UNNAMED_GAP ||
		     modules->unnamed_count == MODULES_UNNAMED_MAX))
		last->end = mapping->end;
	else
		modules->unnamed[modules->unnamed_count++] =
		    (struct module_range){mapping->start, mapping->end};
}

/* The kernel's own page is no file, but has a name. */
static bool is_module(const struct mapping *mapping)
{
	return mapping->path[0] == '/' || strcmp(mapping->path, VDSO_NAME) == 0;
}

/* It is one image for all programs of a kernel: ours tells what the program's is. */
static void vdso_describe(uint64_t start, struct elf_file *file)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	const char *image = (const char *)header, *id;

	if (!header)
		return;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(image + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_LOAD && segments[i].p_flags & PF_X)
			file->bias = start - segments[i].p_vaddr;
		if (segments[i].p_type != PT_NOTE || file->build_id_bytes > 0)
			continue;
		file->build_id_bytes =
		    (uint16_t)elf_build_id(image + segments[i].p_offset, segments[i].p_filesz, &id);
		if (file->build_id_bytes > 0)
			memcpy(file->build_id, id, file->build_id_bytes);
	}
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
	    .file.bias =
		mapping->start - mapping->offset, /* a guess, for a file that cannot be read */
	};
	module->path = modules_add_text(modules, mapping->path, strlen(mapping->path));
	fd = elf_open(modules->pid, mapping->path);
	if (fd >= 0) {
		elf_describe(fd, mapping->start, mapping->offset, &module->file);
		close(fd);
	} else if (strcmp(mapping->path, VDSO_NAME) == 0) {
		vdso_describe(mapping->start, &module->file);
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

	for (const char *at = entries; bytes > fixed && modules->count < MODULES_MAX;
	     at += entry.entry_bytes) {
		struct module *module = &modules->list[modules->count];

		memcpy(&entry, at, fixed); /* once: it may change under us */
		if (entry.entry_bytes < fixed || entry.entry_bytes > bytes ||
		    entry.entry_bytes % 8 != 0 ||
		    entry.build_id_bytes > sizeof(module->file.build_id) ||
		    (uint32_t)entry.build_id_bytes + entry.path_bytes > entry.entry_bytes - fixed)
			return;
		*module = (struct module){
		    .start = entry.start, .end = entry.end, .file.bias = entry.bias};
		module->file.build_id_bytes = entry.build_id_bytes;
		memcpy(module->file.build_id, at + fixed, entry.build_id_bytes);
		module->path =
		    modules_add_text(modules, at + fixed + entry.build_id_bytes, entry.path_bytes);
		modules->count++;
		bytes -= entry.entry_bytes;
	}
}
