/* SPDX-License-Identifier: Apache-2.0
 *
 * The test itself as a traced process: its own modules, for tests that look for its functions.
 */
#ifndef OWN_MODULES_HELPER_H
#define OWN_MODULES_HELPER_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "observe/modules.h"
#include "trace/reader.h"

/* Fills in the modules of `process`, in `list` of MODULES_MAX. Returns them as the drain has them.
 */
static inline const struct modules *own_modules_read(struct trace_process *process,
						     struct trace_module *list)
{
	static struct modules found;

	unsetenv("DEBUGINFOD_URLS");
	modules_init(&found, (uint32_t)getpid());
	cr_assert_eq(modules_read(&found), 0);
	for (uint32_t i = 0; i < found.count; i++) {
		const struct module *module = &found.list[i];
		list[i] = (struct trace_module){
		    .bias = module->file.bias,
		    .start = module->start,
		    .end = module->end,
		    .build_id_bytes = module->file.build_id_bytes,
		    .path = strndup(found.text + module->path.at, module->path.bytes)};
		memcpy(list[i].build_id, module->file.build_id, module->file.build_id_bytes);
	}
	process->modules = list;
	process->module_count = found.count;
	return &found;
}

#endif
