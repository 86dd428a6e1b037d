/* SPDX-License-Identifier: Apache-2.0
 *
 * symbols.h for the page, which cannot look into a program's files: the names that analyze_trace --html found and put
 * beside the trace, else the dynamic symbols that the trace holds, else the place in the module.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols.h"
#include "symbols_given.h"

#define OUR_LIBRARY "libtrace.so"

struct given {
	uint32_t pid, site;
	bool caller, named;
	char *name, *file, *module, *text;
	int line;
};

struct symbols {
	const struct trace_process *process;
	struct symbol_info *infos; /* callback and caller of each site */
};

static struct given *givens;
static size_t given_count;

static const struct symbol_info unknown_site = {"(unknown)", "", 0, true, "", "(unknown)"};
static const struct symbol_info tail_call = {"(a callback, as its last call)", "", 0, true, "",
					     "(a callback, as its last call)"};
static const struct symbol_info no_callback = {"(no callback)", "", 0, true, "", "(no callback)"};

/* The next of the line's parts, which tabs separate. */
static char *part_next(char **at)
{
	char *part = *at;
	size_t bytes = strcspn(part, "\t\n");

	*at = part[bytes] ? part + bytes + 1 : part + bytes;
	part[bytes] = '\0';
	return part;
}

static void given_take(char **at, struct given *given)
{
	given->pid = (uint32_t)strtoul(part_next(at), NULL, 10);
	given->site = (uint32_t)strtoul(part_next(at), NULL, 10);
	given->caller = *part_next(at) == '1';
	given->name = part_next(at);
	given->file = part_next(at);
	given->line = atoi(part_next(at));
	given->named = *part_next(at) == '1';
	given->module = part_next(at);
	given->text = part_next(at);
}

void symbols_give(char *lines)
{
	size_t count = 0;

	for (const char *at = lines; *at; at++)
		count += *at == '\n';
	givens = calloc(count + 1, sizeof(*givens));
	for (given_count = 0; givens && given_count < count; given_count++)
		given_take(&lines, &givens[given_count]);
}

static const struct trace_module *module_find(const struct trace_process *process, uint64_t address)
{
	for (size_t i = process->module_count; i-- > 0;) {
		if (address >= process->modules[i].start && address < process->modules[i].end)
			return &process->modules[i];
	}
	return NULL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static char *name_by_place(const char *module, const struct trace_module *found, uint64_t address)
{
	char *name;
	int length = found ? asprintf(&name, "%s+0x%" PRIx64, module, address - found->bias)
			   : asprintf(&name, "0x%" PRIx64, address);

	return length < 0 ? NULL : name;
}

/* What the trace itself says. */
static void info_recorded(const struct trace_process *process, struct symbol_info *info, uint64_t address,
			  const char *symbol, uint32_t offset)
{
	const struct trace_module *module = module_find(process, address);
	char *name = NULL, *text = NULL;

	*info = unknown_site;
	if (module)
		info->module = base_name(module->path);
	if (symbol && *symbol) {
		int length = offset ? asprintf(&name, "%s+0x%" PRIx32, symbol, offset) : asprintf(&name, "%s", symbol);
		if (length >= 0)
			length = *info->module ? asprintf(&text, "%s (%s)", name, info->module)
					       : asprintf(&text, "%s", name);
		if (length < 0)
			return;
	} else {
		name = text = name_by_place(info->module, module, address);
	}
	if (name && text) {
		info->named = symbol && *symbol;
		info->name = name;
		info->text = text;
	}
}

static void site_recorded(struct symbols *symbols, uint32_t site)
{
	const struct trace_site *entry = &symbols->process->sites[site];
	struct symbol_info *callback = &symbols->infos[2 * site], *caller = callback + 1;

	*callback = entry->callback ? unknown_site : no_callback;
	*caller = unknown_site;
	if (entry->callback)
		info_recorded(symbols->process, callback, entry->callback, entry->callback_symbol,
			      entry->callback_offset);
	if (entry->caller)
		info_recorded(symbols->process, caller, entry->caller, entry->caller_symbol, 0);
	if (strncmp(caller->module, OUR_LIBRARY, strlen(OUR_LIBRARY)) == 0)
		*caller = tail_call;
}

/* Names live as long as the page shows the trace: they are few, and tables point to them. */
struct symbols *symbols_open(const struct trace_process *process)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->process = process;
	symbols->infos = calloc(process->site_count * 2 + 1, sizeof(*symbols->infos));
	if (!symbols->infos) {
		free(symbols);
		return NULL;
	}
	for (uint32_t i = 0; i < process->site_count; i++)
		site_recorded(symbols, i);
	for (size_t i = 0; i < given_count; i++) {
		const struct given *given = &givens[i];
		if (given->pid == process->pid && given->site < process->site_count)
			symbols->infos[2 * given->site + given->caller] = (struct symbol_info){
			    given->name, given->file, given->line, given->named, given->module, given->text};
	}
	return symbols;
}

const struct symbol_info *symbols_site(struct symbols *symbols, uint32_t site, bool caller)
{
	if (site >= symbols->process->site_count || !symbols->process->sites[site].present)
		return &unknown_site;
	return &symbols->infos[2 * site + caller];
}

void symbols_close(struct symbols *symbols)
{
	if (symbols)
		free(symbols->infos);
	free(symbols);
}

char *symbols_variable(struct symbols *symbols, uint64_t address)
{
	(void)symbols;
	(void)address;
	return NULL;
}
