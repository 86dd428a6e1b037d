/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trace says of a site beyond its own fields, by the table of kinds in the file. Any number
 * may be asked for.
 */
#include "reader.h"

#include <string.h>

static const struct trace_kind_info *kind_of(const struct trace_process *process, uint32_t site)
{
	const struct trace_site *entry = site < process->site_count && process->sites[site].present
					     ? &process->sites[site]
					     : NULL;

	return entry && entry->kind < process->kind_count && process->kinds[entry->kind].name
		   ? &process->kinds[entry->kind]
		   : NULL;
}

const char *trace_site_kind(const struct trace_process *process, uint32_t site)
{
	const struct trace_kind_info *kind = kind_of(process, site);

	return kind ? kind->name : "";
}

bool trace_site_is_handle(const struct trace_process *process, uint32_t site)
{
	const struct trace_kind_info *kind = kind_of(process, site);

	return kind && kind->class == KIND_CLASS_HANDLE;
}

bool trace_site_makes(const struct trace_process *process, uint32_t site)
{
	const char *kind = trace_site_kind(process, site);

	return trace_site_is_handle(process, site) &&
	       (!process->sites[site].callback || strcmp(kind, "async") == 0 ||
		strcmp(kind, "process_exit") == 0);
}
