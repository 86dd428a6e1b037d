/* SPDX-License-Identifier: Apache-2.0
 *
 * See loaded.h. The list is written in the form of the trace's own MODULES block, so that whoever salvages it needs no
 * second parser. What does not fit is left out.
 */
#include "loaded.h"

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define PAGE_BYTES	   4096ull
#define BUILD_ID_BYTES_MAX 64

struct build_id {
	const void *bytes;
	uint32_t count;
};

static struct build_id note_build_id(const char *note, size_t left)
{
	while (left >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *header = (const void *)note;
		size_t name_bytes = (header->n_namesz + 3) & ~3u;
		size_t whole = sizeof(*header) + name_bytes + ((header->n_descsz + 3) & ~3u);

		if (whole > left)
			break;
		if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 &&
		    header->n_descsz <= BUILD_ID_BYTES_MAX && memcmp(note + sizeof(*header), "GNU", 4) == 0)
			return (struct build_id){note + sizeof(*header) + name_bytes, header->n_descsz};
		note += whole;
		left -= whole;
	}
	return (struct build_id){0};
}

static struct build_id find_build_id(const struct dl_phdr_info *info)
{
	struct build_id id = {0};

	for (int i = 0; i < info->dlpi_phnum && !id.count; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			id = note_build_id((const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
					   info->dlpi_phdr[i].p_memsz);
	return id;
}

static void add(struct shared *shared, const struct dl_phdr_info *info, const ElfW(Phdr) * code, const char *path)
{
	struct build_id id = find_build_id(info);
	uint64_t start = info->dlpi_addr + code->p_vaddr;
	size_t path_bytes = strlen(path);
	uint32_t bytes = (offsetof(struct trace_module_entry, text) + id.count + path_bytes + 7) & ~7ul;
	struct trace_module_entry *entry = (void *)(shared->loaded + shared->loaded_bytes);

	if (path_bytes > UINT16_MAX || bytes > sizeof(shared->loaded) - shared->loaded_bytes)
		return;
	entry->entry_bytes = bytes;
	entry->build_id_bytes = id.count;
	entry->path_bytes = path_bytes;
	entry->bias = info->dlpi_addr;
	entry->start = start & ~(PAGE_BYTES - 1);
	entry->end = (start + code->p_memsz + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	if (id.count)
		memcpy(entry->text, id.bytes, id.count);
	memcpy(entry->text + id.count, path, path_bytes);
	shared->loaded_bytes += bytes;
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct shared *shared = arg;
	const char *path = info->dlpi_name;
	char exe[PATH_MAX];

	(void)size;
	if (!path || !*path) { /* the executable comes first and without a name */
		ssize_t bytes = shared->loaded_bytes ? -1 : readlink("/proc/self/exe", exe, sizeof(exe) - 1);

		if (bytes < 0)
			return 0;
		exe[bytes] = 0;
		path = exe;
	}
	for (int i = 0; *path == '/' && i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_X)
			add(shared, info, &info->dlpi_phdr[i], path);
	return 0;
}

static void note_cmdline(struct shared *shared)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd >= 0 ? read(fd, shared->cmdline, sizeof(shared->cmdline)) : -1;

	if (fd >= 0)
		close(fd);
	shared->cmdline_bytes = bytes > 0 ? bytes : 0;
}

void loaded_describe(struct shared *shared)
{
	note_cmdline(shared);
	dl_iterate_phdr(visit, shared);
}
