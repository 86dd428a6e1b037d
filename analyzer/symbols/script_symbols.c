/* SPDX-License-Identifier: Apache-2.0
 *
 * See script_symbols.h.
 */
#include "script_symbols.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report_table.h"
#include "symbols_text.h"

#define ANONYMOUS  "(anonymous)"
#define UNKNOWN	   "(unknown function)"
#define JAVASCRIPT "JavaScript"
#define PYTHON	   "Python"

struct named {
	struct trace_script script; /* first: what it is found by */
	struct symbol_info info;
};

struct script_symbols {
	script_place_find *find;
	void *arg;
	void *tree;
};

struct script_symbols *script_symbols_open(script_place_find *find, void *arg)
{
	struct script_symbols *symbols = calloc(1, sizeof(*symbols));

	if (symbols)
		*symbols = (struct script_symbols){.find = find, .arg = arg};
	return symbols;
}

static void named_free(void *node)
{
	struct named *named = node;

	free((char *)named->info.name);
	free((char *)named->info.file);
	free((char *)named->info.text);
	free(named);
}

void script_symbols_close(struct script_symbols *symbols)
{
	if (symbols)
		tdestroy(symbols->tree, named_free);
	free(symbols);
}

/* All that a name is made of. */
static int compare_named(const void *left, const void *right)
{
	const struct trace_script *a = left, *b = right;
	const uint64_t x[] = {(uintptr_t)a->function,
			      (uintptr_t)a->file,
			      a->function_id,
			      a->file_id,
			      a->line,
			      a->kind,
			      a->flags};
	const uint64_t y[] = {(uintptr_t)b->function,
			      (uintptr_t)b->file,
			      b->function_id,
			      b->file_id,
			      b->line,
			      b->kind,
			      b->flags};

	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* It has no name, which the place makes up for; not: its name is not known. */
static bool is_anonymous(const struct trace_script *script)
{
	return !script->function && script->function_id == 0 &&
	       !(script->flags & TRACE_SCRIPT_UNREADABLE);
}

static const char *name_of(const struct trace_script *script)
{
	if (script->function)
		return script->function;
	return is_anonymous(script) ? ANONYMOUS : UNKNOWN;
}

/* Names of the runtime's own files are no paths: they stay whole, "node:internal/modules/run". */
static const char *shown_file(const char *file)
{
	return strncmp(file, "node:", 5) == 0 || *file == '<' ? file : symbols_base_name(file);
}

static char *text_make(const struct symbol_info *info, bool about)
{
	char *text;
	int length;

	if (!*info->file)
		length = asprintf(&text, "%s", info->name);
	else if (info->line == 0)
		length = asprintf(&text, "%s %s", info->name, shown_file(info->file));
	else
		length = asprintf(&text, about ? "%s %s, about line %d" : "%s %s:%d", info->name,
				  shown_file(info->file), info->line);
	return length < 0 ? NULL : text;
}

static struct named *named_make(const struct script_symbols *symbols,
				const struct trace_script *script)
{
	struct named *named = calloc(1, sizeof(*named));
	struct script_place place = {NULL, 0};

	if (!named)
		return NULL;
	named->script = *script;
	struct symbol_info *info = &named->info;
	if (script->file && script->line && symbols->find &&
	    symbols->find(symbols->arg, script->file, script->line, &place)) {
		info->file = report_clean(place.file);
		info->line = place.line;
	} else {
		info->file = report_clean(script->file ? script->file : "");
		info->line = script->file && script->line <= INT32_MAX ? (int)script->line : 0;
	}
	free(place.file);
	info->name = report_clean(name_of(script));
	info->named = script->function || is_anonymous(script);
	info->module = script->kind == TRACE_SCRIPT_PYTHON ? PYTHON : JAVASCRIPT;
	if (info->name && info->file)
		info->text = text_make(info, script->flags & TRACE_SCRIPT_LINE_ABOUT);
	if (info->text)
		return named;
	named_free(named);
	return NULL;
}

const struct symbol_info *script_symbols_of(struct script_symbols *symbols,
					    const struct trace_script *script)
{
	struct named *const *found = tfind(script, &symbols->tree, compare_named);

	if (found)
		return &(*found)->info;
	struct named *named = named_make(symbols, script);
	if (named && tsearch(named, &symbols->tree, compare_named))
		return &named->info;
	if (named)
		named_free(named);
	return &symbols_unknown_site;
}

const struct symbol_info *script_symbols_whole(struct script_symbols *symbols,
					       const struct trace_script *script)
{
	struct trace_script whole = *script;

	whole.line = script->first_line;
	whole.flags &= (uint8_t)~TRACE_SCRIPT_LINE_ABOUT;
	return script_symbols_of(symbols, &whole);
}
