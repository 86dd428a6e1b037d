/* SPDX-License-Identifier: Apache-2.0
 *
 * symbols.h and unwind.h for the page, which cannot look into a program's files: the names and
 * frames that analyze_trace --html found and put beside the trace, else the symbols that the trace
 * holds, else the place in the module, and no frames.
 */
#include <stdlib.h>
#include <string.h>

#include "base/demangle.h"
#include "symbols/script_symbols.h"
#include "symbols/symbols.h"
#include "symbols_embedded.h"
#include "symbols/symbols_text.h"
#include "symbols/unwind.h"

/* One line. `number`: of a site, a sample's trace_stall_key(), or an address. */
struct given {
	const char *what;
	uint32_t pid;
	uint64_t number;
	bool second; /* a site's caller; a frame that was looked for; a place that is about right */
	const char *script; /* a place's */
	struct symbol_info info;
	uint64_t sp; /* of a frame */
	bool is_outermost, is_cut;
};

struct symbols {
	const struct trace_process *process;
	struct script_symbols *scripts;
	struct symbol_info *infos; /* callback and caller of each site */
	struct frames {
		uint64_t key;
		size_t line; /* of the first frame; others follow */
	} * frames;	     /* of each sample that has any, by key */
	size_t frames_count;
};

static struct given *embedded_symbols;
static size_t given_count;

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
	given->what = part_next(at);
	given->pid = (uint32_t)strtoul(part_next(at), NULL, 10);
	given->number = strtoull(part_next(at), NULL, 10);
	given->second = *part_next(at) == '1';
	if (strcmp(given->what, "place") == 0)
		given->script = part_next(at);
	given->info.name = part_next(at);
	if (strcmp(given->what, "variable") == 0)
		return;
	given->info.file = part_next(at);
	given->info.line = atoi(part_next(at));
	const char *known = part_next(at);
	given->info.named = *known == '1';
	given->info.searched = *known != '0';
	given->info.module = part_next(at);
	given->info.text = part_next(at);
	if (strcmp(given->what, "frame") != 0)
		return;
	given->sp = strtoull(part_next(at), NULL, 10);
	const char *end = part_next(at);
	given->is_outermost = *end == '1';
	given->is_cut = *end == '2';
}

static bool given_is(const struct given *given, const char *what,
		     const struct trace_process *process)
{
	return given->pid == process->pid && strcmp(given->what, what) == 0;
}

void symbols_give(char *lines)
{
	size_t count = 0;

	for (const char *at = lines; *at; at++)
		count += *at == '\n';
	embedded_symbols = calloc(count + 1, sizeof(*embedded_symbols));
	for (given_count = 0; embedded_symbols && given_count < count; given_count++)
		given_take(&lines, &embedded_symbols[given_count]);
}

/* What the trace itself says. */
static void info_recorded(const struct trace_process *process, struct symbol_info *info,
			  uint64_t address, const char *symbol, uint32_t offset)
{
	const struct trace_module *module = symbols_module(process, address);
	char *name = symbol && *symbol ? symbols_name_at(demangle(symbol), offset) : NULL;
	bool placed = !name;

	*info = symbols_unknown_site;
	if (module)
		info->module = symbols_base_name(module->path);
	if (placed)
		name = symbols_place_name(module, address);
	char *text = name ? symbols_text(name, placed, "", 0, info->module) : NULL;
	if (!text) {
		free(name);
		return;
	}
	info->named = !placed;
	info->name = name;
	info->text = text;
}

static void site_recorded(struct symbols *symbols, uint32_t site)
{
	const struct trace_site *entry = &symbols->process->sites[site];
	struct symbol_info *callback = &symbols->infos[2 * site], *caller = callback + 1;

	*callback = entry->callback ? symbols_unknown_site : symbols_no_callback;
	*caller = symbols_unknown_site;
	if (entry->callback)
		info_recorded(symbols->process, callback, entry->callback, entry->callback_symbol,
			      entry->callback_offset);
	if (entry->caller)
		info_recorded(symbols->process, caller, entry->caller, entry->caller_symbol, 0);
	if (symbols_is_our_library(caller->module))
		*caller = symbols_tail_call;
}

/* It goes on with what the line before says. */
static bool is_next_frame(const struct given *given)
{
	return given > embedded_symbols && strcmp(given[-1].what, "frame") == 0 &&
	       given[-1].pid == given->pid && given[-1].number == given->number;
}

static int compare_keys(const void *a, const void *b)
{
	const struct frames *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void given_use(struct symbols *symbols, size_t line)
{
	const struct trace_process *process = symbols->process;
	const struct given *given = &embedded_symbols[line];

	if (given_is(given, "site", process) && given->number < process->site_count)
		symbols->infos[2 * given->number + given->second] = given->info;
	if (given_is(given, "frame", process) && !is_next_frame(given))
		symbols->frames[symbols->frames_count++] = (struct frames){given->number, line};
}

/* Where a line of a script was written, by the source map that analyze_trace --html found. */
static bool place_find(void *arg, const char *file, uint32_t line, struct script_place *place)
{
	const struct symbols *symbols = arg;

	for (size_t i = 0; i < given_count; i++) {
		const struct given *given = &embedded_symbols[i];
		if (given->number != line || !given_is(given, "place", symbols->process) ||
		    strcmp(given->script, file) != 0)
			continue;
		*place = (struct script_place){strdup(given->info.file), given->info.line,
					       given->second};
		return place->file != NULL;
	}
	return false;
}

/* Names live as long as the page shows the trace: they are few, and tables point to them. */
struct symbols *symbols_open(const struct trace_process *process)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->process = process;
	symbols->infos = calloc(process->site_count * 2 + 1, sizeof(*symbols->infos));
	symbols->frames = calloc(given_count + 1, sizeof(*symbols->frames));
	symbols->scripts = script_symbols_open(place_find, symbols);
	if (!symbols->infos || !symbols->frames || !symbols->scripts) {
		symbols_close(symbols);
		return NULL;
	}
	for (uint32_t i = 0; i < process->site_count; i++)
		site_recorded(symbols, i);
	for (size_t i = 0; i < given_count; i++)
		given_use(symbols, i);
	qsort(symbols->frames, symbols->frames_count, sizeof(*symbols->frames), compare_keys);
	return symbols;
}

const struct symbol_info *symbols_site(struct symbols *symbols, uint32_t site, bool caller)
{
	if (site >= symbols->process->site_count || !symbols->process->sites[site].present)
		return symbols_absent_site(symbols->process, caller);
	return &symbols->infos[2 * site + caller];
}

void symbols_close(struct symbols *symbols)
{
	if (!symbols)
		return;
	script_symbols_close(symbols->scripts);
	free(symbols->infos);
	free(symbols->frames);
	free(symbols);
}

const struct symbol_info *symbols_script(struct symbols *symbols, const struct trace_script *script,
					 bool whole)
{
	return whole ? script_symbols_whole(symbols->scripts, script)
		     : script_symbols_of(symbols->scripts, script);
}

char *symbols_variable(struct symbols *symbols, uint64_t address)
{
	for (size_t i = 0; i < given_count; i++) {
		if (given_is(&embedded_symbols[i], "variable", symbols->process) &&
		    embedded_symbols[i].number == address)
			return strdup(embedded_symbols[i].info.name);
	}
	return NULL;
}

/* ---- unwind.h -------------------------------------------------------------------------------- */

/* A frame's address is the number of its line. */
size_t unwind(struct symbols *symbols, const struct trace_stall *stall, struct unwind_frame *frames)
{
	const struct frames wanted = {.key = trace_stall_key(stall)};
	const struct frames *found =
	    bsearch(&wanted, symbols->frames, symbols->frames_count, sizeof(wanted), compare_keys);
	size_t count = 0;

	for (size_t line = found ? found->line : given_count;
	     line < given_count && count < UNWIND_FRAMES_MAX; line++) {
		const struct given *given = &embedded_symbols[line];
		if (given->number != wanted.key || !given_is(given, "frame", symbols->process))
			break;
		frames[count++] = (struct unwind_frame){.address = line,
							.scanned = given->second,
							.is_outermost = given->is_outermost,
							.is_cut = given->is_cut,
							.sp = given->sp};
	}
	return count;
}

const struct symbol_info *unwind_symbol(struct symbols *symbols, const struct unwind_frame *frame)
{
	(void)symbols;
	return &embedded_symbols[frame->address].info;
}
