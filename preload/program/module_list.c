/* SPDX-License-Identifier: Apache-2.0
 *
 * See module_list.h. The list has the form of the trace's own MODULES block, so its readers need no
 * second parser. What does not fit is left out.
 */
#include "module_list.h"

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "observe/elf_file.h"

#define PAGE_BYTES 4096ull

static uint32_t find_build_id(const struct dl_phdr_info *info, const char **id)
{
	uint32_t bytes = 0;

	for (int i = 0; i < info->dlpi_phnum && !bytes; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE)
			bytes =
			    elf_build_id((const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
					 info->dlpi_phdr[i].p_memsz, id);
	return bytes;
}

static void add(struct shared *shared, const struct dl_phdr_info *info, const ElfW(Phdr) * code,
		const char *path)
{
	const char *id = NULL;
	uint32_t id_bytes = find_build_id(info, &id);
	uint64_t start = info->dlpi_addr + code->p_vaddr;
	size_t path_bytes = strlen(path);
	uint32_t bytes =
	    (offsetof(struct trace_module_entry, text) + id_bytes + path_bytes + 7) & ~7ul;
	struct trace_module_entry *entry = (void *)(shared->loaded + shared->loaded_bytes);

	if (path_bytes > UINT16_MAX || bytes > sizeof(shared->loaded) - shared->loaded_bytes)
		return;
	entry->entry_bytes = bytes;
	entry->build_id_bytes = id_bytes;
	entry->path_bytes = path_bytes;
	entry->bias = info->dlpi_addr;
	entry->start = start & ~(PAGE_BYTES - 1);
	entry->end = (start + code->p_memsz + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	if (id_bytes)
		memcpy(entry->text, id, id_bytes);
	memcpy(entry->text + id_bytes, path, path_bytes);
	shared->loaded_bytes += bytes;
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct shared *shared = arg;
	const char *path = info->dlpi_name;
	char exe[PATH_MAX];

	(void)size;
	if (!path || !*path) { /* the executable comes first and without a name */
		ssize_t bytes =
		    shared->loaded_bytes ? -1 : readlink("/proc/self/exe", exe, sizeof(exe) - 1);

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

void module_list_describe(struct shared *shared)
{
	note_cmdline(shared);
	dl_iterate_phdr(visit, shared);
}
