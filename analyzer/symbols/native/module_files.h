/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of a module of the traced process, as libdw has it, if there is one that may be
 * believed: its build-id is the one in the trace.
 */
#ifndef MODULE_FILES_H
#define MODULE_FILES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

#include "python_functions.h"
#include "trace/reader.h"

struct module_files {
	bool tried;
	Dwfl *dwfl; /* NULL: no file that may be believed */
	Dwfl_Module *module;
	uint64_t shift; /* of the module's addresses to those that libdw knows */
	bool python_tried;
	struct python_functions python; /* of a module of CPython */
};

/* Tries, once. The caller ends `dwfl`. */
void module_files_open(struct module_files *files, const struct trace_process *process,
		       const struct trace_module *module);

#endif
