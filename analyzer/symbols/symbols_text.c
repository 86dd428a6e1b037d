/* SPDX-License-Identifier: Apache-2.0
 *
 * See symbols_text.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols_text.h"

#define OUR_LIBRARY "libtrace.so"
#define PLACEHOLDER(text)                                                                          \
	{                                                                                          \
		text, "", 0, true, "", text, false, false                                          \
	}

const struct symbol_info symbols_unknown_site = PLACEHOLDER("(unknown)");
const struct symbol_info symbols_tail_call = PLACEHOLDER("(a callback, as its last call)");
const struct symbol_info symbols_uvtrace = PLACEHOLDER("(uvtrace)");
const struct symbol_info symbols_callers_unknown = PLACEHOLDER("(callers unknown)");
const struct symbol_info symbols_no_callback = PLACEHOLDER("(no callback)");

const struct symbol_info *symbols_absent_site(const struct trace_process *process, bool caller)
{
	static const struct symbol_info loop_iteration = PLACEHOLDER("(an iteration of the loop)");

	return process->tier == TRACE_TIER_LIBC && !caller ? &loop_iteration
							   : &symbols_unknown_site;
}

const struct trace_module *symbols_module(const struct trace_process *process, uint64_t address)
{
	for (size_t i = process->module_count; i-- > 0;) {
		if (address >= process->modules[i].start && address < process->modules[i].end)
			return &process->modules[i];
	}
	return NULL;
}

const char *symbols_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool symbols_is_our_library(const char *name)
{
	return strncmp(name, OUR_LIBRARY, strlen(OUR_LIBRARY)) == 0;
}

char *symbols_place_name(const struct trace_module *module, uint64_t address)
{
	char *name;
	int length = module ? asprintf(&name, "%s+0x%" PRIx64, symbols_base_name(module->path),
				       address - module->bias)
			    : asprintf(&name, "0x%" PRIx64, address);

	return length < 0 ? NULL : name;
}

char *symbols_name_at(char *name, uint64_t offset)
{
	char *longer;

	if (!name || offset == 0 || asprintf(&longer, "%s+0x%" PRIx64, name, offset) < 0)
		return name;
	free(name);
	return longer;
}

char *symbols_text(const char *name, bool placed, const char *file, int line, const char *module)
{
	char *text;
	int length;

	if (*file)
		length = asprintf(&text, "%s %s:%d", name, symbols_base_name(file), line);
	else if (!placed && *module)
		length = asprintf(&text, "%s (%s)", name, module);
	else
		length = asprintf(&text, "%s", name);
	return length < 0 ? NULL : text;
}
