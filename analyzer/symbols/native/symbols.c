/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns addresses into names with elfutils' libdw; see symbols.h for the order in which sources are
 * asked. Each module gets a Dwfl of its own when it is first asked for, so modules that overlap in
 * time do not disturb each other and those that nobody asks for cost nothing.
 *
 * Rules: a file is used only after its build-id was compared with the trace's. libdw follows
 * .gnu_debuglink and /usr/lib/debug/.build-id by itself, and asks debuginfod servers only where
 * DEBUGINFOD_URLS is set.
 */
#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/demangle.h"
#include "function_starts.h"
#include "module_files.h"
#include "perf_map.h"
#include "source_places.h"
#include "base/report_table.h"
#include "symbols/symbols.h"
#include "symbols_internal.h"
#include "symbols/script_symbols.h"
#include "symbols/symbols_text.h"

#define JIT_MODULE  "JIT"
#define CACHE_FIRST 256u /* slots; a power of two */

struct cached {
	struct symbol_info info;
	uint64_t address;
	bool return_address;
};

struct symbols {
	const struct trace_process *process;
	struct module_files *files; /* one for each module of the process */
	struct perf_map *perf_map;  /* NULL: none, or not asked for yet */
	bool jit_tried;
	struct script_symbols *scripts;
	struct source_places *places; /* of these */
	struct cached **cache;
	size_t cache_slots, cache_used;
};

/* What a lookup found, before it is put into words. */
struct found {
	const struct trace_module *module;
	const char *place; /* the module's name, "" outside modules */
	char *name;
	uint64_t offset; /* into the function */
	bool searched;	 /* the module's file was */
	char *file;
	int line;
};

/* ---- One address ----------------------------------------------------------------------------- */

static char *path_join(const char *dir, const char *file)
{
	char *path;

	if (*file == '/' || !dir || !*dir)
		return strdup(file);
	return asprintf(&path, "%s/%s", dir, file) < 0 ? NULL : path;
}

static void line_find(Dwfl_Module *module, uint64_t address, struct found *found)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, address);
	const char *file = line ? dwfl_lineinfo(line, NULL, &found->line, NULL, NULL, NULL) : NULL;

	if (file)
		found->file = path_join(dwfl_line_comp_dir(line), file);
}

/* Where the function around an address is declared: its name's line, not that of its first
 * statement. */
static bool declaration_find(Dwfl_Module *module, uint64_t address, struct found *found)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, &bias), *scopes = NULL;
	int count = unit ? dwarf_getscopes(unit, address - bias, &scopes) : 0;
	Dwarf_Attribute dir;
	const char *file = NULL;

	for (int i = 0; i < count && !file; i++) {
		if (dwarf_tag(&scopes[i]) != DW_TAG_subprogram ||
		    dwarf_decl_line(&scopes[i], &found->line) != 0)
			continue;
		file = dwarf_decl_file(&scopes[i]);
	}
	if (file)
		found->file =
		    path_join(dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &dir)), file);
	free(scopes);
	return found->file != NULL;
}

static struct module_files *files_of(struct symbols *symbols, const struct trace_module *module)
{
	struct module_files *files = &symbols->files[module - symbols->process->modules];

	if (!files->tried)
		module_files_open(files, symbols->process, module);
	return files;
}

/* What CPython's own tables call it. */
static void python_find(struct module_files *files, uint64_t address, struct found *found)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(files->module, &bias);
	uint64_t start = elf ? elf_function_start(elf, address - bias) : 0;
	const char *name;

	if (!files->python_tried)
		python_functions_read(&files->python, elf);
	files->python_tried = true;
	name = start ? python_functions_find(&files->python, start) : NULL;
	found->name = name ? strdup(name) : NULL;
	found->offset = name ? address - bias - start : 0;
}

static void files_find(struct symbols *symbols, uint64_t address, struct found *found)
{
	struct module_files *files = files_of(symbols, found->module);

	if (!files->dwfl)
		return;
	found->searched = true;
	GElf_Sym symbol;
	GElf_Off offset = 0;
	address -= files->shift;
	const char *name =
	    dwfl_module_addrinfo(files->module, address, &offset, &symbol, NULL, NULL, NULL);
	if (!name || !*name) {
		python_find(files, address, found);
		return;
	}
	found->name = demangle(name);
	found->offset = offset;
	if (offset != 0 || !declaration_find(files->module, address, found))
		line_find(files->module, address, found);
}

/* Code that was made at run time. Names from there may be anything. */
static void jit_find(struct symbols *symbols, uint64_t address, struct found *found)
{
	const struct trace_process *process = symbols->process;
	char *function, *file;

	if (!symbols->jit_tried)
		symbols->perf_map = perf_map_open(PERF_MAP_FOLDER, process->pid, process->uid,
						  process->start_real_ns);
	symbols->jit_tried = true;
	struct jit_name name = perf_map_find(symbols->perf_map, address);
	if (!name.name)
		return;
	jit_name_cut(name.name, &function, &file, &found->line);
	found->place = JIT_MODULE;
	found->offset = name.offset;
	found->name = function ? report_clean(function) : NULL;
	found->file = file ? report_clean(file) : NULL;
	free(function);
	free(file);
}

static void cached_free(struct cached *cached)
{
	if (!cached)
		return;
	free((char *)cached->info.name);
	free((char *)cached->info.file);
	free((char *)cached->info.text);
	free(cached);
}

/* `recorded` is the symbol that the trace holds, or NULL. */
static struct cached *address_resolve(struct symbols *symbols, uint64_t address,
				      bool return_address, const char *recorded,
				      uint32_t recorded_offset)
{
	struct found found = {.module = symbols_module(symbols->process, address)};
	struct cached *cached = calloc(1, sizeof(*cached));

	if (!cached)
		return NULL;
	found.place = found.module ? symbols_base_name(found.module->path) : "";
	if (found.module)
		files_find(symbols, address - return_address, &found);
	else
		jit_find(symbols, address - return_address, &found);
	if (!found.name && recorded && *recorded) {
		found.name = demangle(recorded);
		found.offset = recorded_offset;
	}
	bool placed = !found.name;
	if (placed)
		found.name = symbols_place_name(found.module, address);
	else if (!return_address)
		found.name = symbols_name_at(found.name, found.offset);
	cached->address = address;
	cached->return_address = return_address;
	cached->info.name = found.name;
	cached->info.file = found.file ? found.file : strdup("");
	cached->info.line = found.line;
	cached->info.named = !placed;
	cached->info.module = found.place;
	cached->info.searched = found.searched;
	if (cached->info.name && cached->info.file)
		cached->info.text = symbols_text(found.name, placed, cached->info.file, found.line,
						 cached->info.module);
	if (cached->info.text)
		return cached;
	cached_free(cached);
	return NULL;
}

/* ---- The cache ------------------------------------------------------------------------------- */

static struct cached **cache_slot(struct cached **slots, size_t count, uint64_t address,
				  bool return_address)
{
	uint64_t hash = (address * 2 + return_address) * 0x9e3779b97f4a7c15ull;
	size_t at = (size_t)(hash >> 32) & (count - 1);

	while (slots[at] &&
	       (slots[at]->address != address || slots[at]->return_address != return_address))
		at = (at + 1) & (count - 1);
	return &slots[at];
}

static int cache_grow(struct symbols *symbols)
{
	size_t count = symbols->cache_slots ? symbols->cache_slots * 2 : CACHE_FIRST;
	struct cached **slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < symbols->cache_slots; i++) {
		struct cached *cached = symbols->cache[i];
		if (cached)
			*cache_slot(slots, count, cached->address, cached->return_address) = cached;
	}
	free(symbols->cache);
	symbols->cache = slots;
	symbols->cache_slots = count;
	return 0;
}

static const struct symbol_info *address_info(struct symbols *symbols, uint64_t address,
					      bool return_address, const char *recorded,
					      uint32_t recorded_offset)
{
	if (symbols->cache_used * 2 >= symbols->cache_slots && cache_grow(symbols) < 0)
		return &symbols_unknown_site;
	struct cached **slot =
	    cache_slot(symbols->cache, symbols->cache_slots, address, return_address);
	if (!*slot) {
		*slot =
		    address_resolve(symbols, address, return_address, recorded, recorded_offset);
		symbols->cache_used += *slot != NULL;
	}
	return *slot ? &(*slot)->info : &symbols_unknown_site;
}

/* ---- The interface --------------------------------------------------------------------------- */

const struct symbol_info *symbols_address(struct symbols *symbols, uint64_t address,
					  bool return_address)
{
	return address_info(symbols, address, return_address, NULL, 0);
}

struct symbols_code symbols_code(struct symbols *symbols, uint64_t address)
{
	const struct trace_module *module = symbols_module(symbols->process, address);
	const struct module_files *files = module ? files_of(symbols, module) : NULL;

	return (struct symbols_code){.module = module,
				     .file = files ? files->module : NULL,
				     .address = address - (files ? files->shift : 0)};
}

/* Data lies behind the code of its module, and before that of the next one. */
static const struct trace_module *module_before(const struct trace_process *process,
						uint64_t address)
{
	for (size_t i = process->module_count; i-- > 0;) {
		if (process->modules[i].start <= address)
			return &process->modules[i];
	}
	return NULL;
}

char *symbols_variable(struct symbols *symbols, uint64_t address)
{
	const struct trace_module *module = module_before(symbols->process, address);
	struct module_files *files = module ? files_of(symbols, module) : NULL;
	GElf_Off offset = 0;
	GElf_Sym symbol;

	if (!files || !files->dwfl)
		return NULL;
	const char *name = dwfl_module_addrinfo(files->module, address - files->shift, &offset,
						&symbol, NULL, NULL, NULL);
	if (!name || !*name || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT ||
	    offset >= symbol.st_size)
		return NULL;
	return symbols_name_at(demangle(name), offset);
}

bool symbols_is_ours(const struct trace_module *module)
{
	return module && symbols_is_our_library(symbols_base_name(module->path));
}

/* A callback whose last call was compiled to a jump: that call returns to the library's dispatch.
 */
static const struct symbol_info *caller_info(struct symbols *symbols, const struct trace_site *site)
{
	const struct symbol_info *info =
	    address_info(symbols, site->caller, true, site->caller_symbol, site->caller_offset);

	return symbols_is_our_library(info->module) ? &symbols_tail_call : info;
}

const struct symbol_info *symbols_site(struct symbols *symbols, uint32_t site, bool caller)
{
	const struct trace_process *process = symbols->process;

	if (site >= process->site_count || !process->sites[site].present)
		return symbols_absent_site(process, caller);
	const struct trace_site *entry = &process->sites[site];
	if (caller)
		return entry->caller ? caller_info(symbols, entry) : &symbols_unknown_site;
	return entry->callback ? address_info(symbols, entry->callback, false,
					      entry->callback_symbol, entry->callback_offset)
			       : &symbols_no_callback;
}

const struct symbol_info *symbols_script(struct symbols *symbols, const struct trace_script *script,
					 bool whole)
{
	return whole ? script_symbols_whole(symbols->scripts, script)
		     : script_symbols_of(symbols->scripts, script);
}

struct symbols *symbols_open(const struct trace_process *process)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->process = process;
	symbols->files = calloc(process->module_count + 1, sizeof(*symbols->files));
	symbols->places = source_places_open(process->start_real_ns);
	symbols->scripts = script_symbols_open(source_places_find, symbols->places);
	if (!symbols->files || !symbols->places || !symbols->scripts || cache_grow(symbols) < 0) {
		symbols_close(symbols);
		return NULL;
	}
	elf_version(EV_CURRENT);
	return symbols;
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; symbols->files && i < symbols->process->module_count; i++) {
		python_functions_free(&symbols->files[i].python);
		if (symbols->files[i].dwfl)
			dwfl_end(symbols->files[i].dwfl);
	}
	for (size_t i = 0; i < symbols->cache_slots; i++)
		cached_free(symbols->cache[i]);
	free(symbols->cache);
	free(symbols->files);
	perf_map_free(symbols->perf_map);
	script_symbols_close(symbols->scripts);
	source_places_close(symbols->places);
	free(symbols);
}
