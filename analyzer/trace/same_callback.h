/* SPDX-License-Identifier: Apache-2.0
 *
 * A callback that was registered in several places has a site for each: they are one to people.
 */
#ifndef SAME_CALLBACK_H
#define SAME_CALLBACK_H

#include "reader.h"

/* One callback, of one kind. */
static inline bool sites_share_callback(const struct trace_process *process, uint32_t a, uint32_t b)
{
	const struct trace_site *sites = process->sites;

	return a == b ||
	       (a < process->site_count && b < process->site_count && sites[a].callback != 0 &&
		sites[a].callback == sites[b].callback && sites[a].kind == sites[b].kind);
}

#endif
