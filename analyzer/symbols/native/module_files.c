/* SPDX-License-Identifier: Apache-2.0
 *
 * See module_files.h: the module's own file, its file of debug information, or what a server has.
 *
 * Rules: see symbols.c. A file is opened only where that cannot wait, and with libdw's own means
 * only where it was looked at before.
 */
#include <elfutils/libdwelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/regular_file.h"
#include "module_files.h"

#define DEBUG_FOLDER "/usr/lib/debug"
#define VDSO_NAME    "[vdso]"

/* Whether a file of that name in the directory of a module's file would not be waited for. */
static bool can_be_opened(const char *module, const char *below, const char *name)
{
	const char *slash = strrchr(module, '/');
	struct stat status;
	bool good;
	char *path;

	if (!slash || asprintf(&path, "%.*s/%s%s", (int)(slash - module), module, below, name) < 0)
		return false;
	good = stat(path, &status) != 0 || S_ISREG(status.st_mode);
	free(path);
	return good;
}

/* Which file has the rest of a module is said by the module, which somebody else may have made:
 * libdw opens it without looking, and would wait for a pipe. */
static int find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **found)
{
	if (link && file &&
	    (strchr(link, '/') || !can_be_opened(file, "", link) ||
	     !can_be_opened(file, ".debug/", link)))
		link = NULL, file = NULL;
	return dwfl_standard_find_debuginfo(module, user, name, base, file, link, crc, found);
}

static char *debug_dirs = ":.debug:" DEBUG_FOLDER;

static const Dwfl_Callbacks dwfl_callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debug_dirs,
};

/* A module without a build-id is the same file only if nobody has touched that since the trace
 * began. */
static bool file_untouched(const struct trace_process *process, int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return false;
	return (uint64_t)status.st_ctim.tv_sec < process->start_real_ns / 1000000000;
}

static bool file_matches(const struct trace_process *process, const struct trace_module *module,
			 int fd)
{
	const void *build_id = NULL;
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	ssize_t bytes =
	    elf && elf_kind(elf) == ELF_K_ELF ? dwelf_elf_gnu_build_id(elf, &build_id) : -1;
	bool same;

	if (bytes <= 0 && module->build_id_bytes == 0)
		same = elf && elf_kind(elf) == ELF_K_ELF && file_untouched(process, fd);
	else
		same = bytes == module->build_id_bytes &&
		       memcmp(build_id, module->build_id, (size_t)bytes) == 0;
	elf_end(elf);
	return same;
}

/* The kernel's own module lies in no file, but in the memory of every program: here too. Whether it
 * is the same one its build-id says. -1: there is none. */
static int vdso_open(void)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	int fd = image ? memfd_create(VDSO_NAME, MFD_CLOEXEC) : -1;

	if (fd < 0)
		return -1;
	size_t bytes = header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
	if (write(fd, image, bytes) == (ssize_t)bytes)
		return fd;
	close(fd);
	return -1;
}

static int module_open(const char *path)
{
	if (strcmp(path, VDSO_NAME) == 0)
		return vdso_open();
	return path[0] == '/' ? regular_file_open(path, 0) : -1;
}

static Dwfl_Module *module_report_file(const struct trace_process *process,
				       const struct trace_module *module, Dwfl *dwfl,
				       const char *path)
{
	int fd = module_open(path);

	if (fd < 0)
		return NULL;
	Dwfl_Module *reported = NULL;
	if (file_matches(process, module, fd))
		reported = dwfl_report_elf(dwfl, path, path, fd, module->bias, true);
	if (!reported)
		close(fd);
	return reported;
}

/* The file of separate debug information: it has the symbol table too. */
static Dwfl_Module *module_report_debug_file(const struct trace_process *process,
					     const struct trace_module *module, Dwfl *dwfl)
{
	char path[sizeof(DEBUG_FOLDER) + 32 + 2 * sizeof(module->build_id)];
	int length = snprintf(path, sizeof(path), "%s/.build-id/", DEBUG_FOLDER);

	if (module->build_id_bytes < 2 || module->build_id_bytes > sizeof(module->build_id))
		return NULL;
	for (unsigned int i = 0; i < module->build_id_bytes; i++)
		length += snprintf(path + length, sizeof(path) - (size_t)length,
				   i == 0 ? "%02x/" : "%02x", module->build_id[i]);
	snprintf(path + length, sizeof(path) - (size_t)length, ".debug");
	return module_report_file(process, module, dwfl, path);
}

/* Nothing on this machine: libdw asks the servers by build-id. */
static Dwfl_Module *module_report_remote(const struct trace_module *module, Dwfl *dwfl)
{
	const char *servers = getenv("DEBUGINFOD_URLS");

	if (!servers || !*servers || module->build_id_bytes == 0)
		return NULL;
	Dwfl_Module *reported = dwfl_report_module(dwfl, module->path, module->start, module->end);
	if (reported)
		dwfl_module_report_build_id(reported, module->build_id, module->build_id_bytes, 0);
	return reported;
}

void module_files_open(struct module_files *files, const struct trace_process *process,
		       const struct trace_module *module)
{
	files->tried = true;
	files->dwfl = dwfl_begin(&dwfl_callbacks);
	if (!files->dwfl)
		return;
	dwfl_report_begin(files->dwfl);
	files->module = module_report_file(process, module, files->dwfl, module->path);
	if (!files->module)
		files->module = module_report_debug_file(process, module, files->dwfl);
	if (!files->module)
		files->module = module_report_remote(module, files->dwfl);
	dwfl_report_end(files->dwfl, NULL, NULL);
	if (!files->module) {
		dwfl_end(files->dwfl);
		files->dwfl = NULL;
		return;
	}
	/* The bias of an executable with fixed addresses is 0 whatever is asked for; V8 maps the
	 * code of its builtins a second time, beside the code that it makes. */
	GElf_Addr bias;
	if (dwfl_module_getelf(files->module, &bias))
		files->shift = module->bias - bias;
}
