/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose handles a loop has ever more of: reads its worker's items once more, and keeps which
 * handles callbacks ran on and were not closed. Done only where samples show that handles grow.
 */
#include <errno.h>
#include <stdlib.h>

#include "findings/findings_internal.h"
#include "timeline/timeline_internal.h"

#define BATCH 1024

static bool is_handle_site(const struct trace_process *process, uint32_t site)
{
	uint8_t kind = site < process->site_count ? process->sites[site].kind : 0;

	return kind < process->kind_count && process->kinds[kind].class == KIND_CLASS_HANDLE;
}

/* The first callback that ran on a handle is the one that it is counted for. */
static int item_look(const struct trace_process *process, struct request_table *handles,
		     const struct trace_item *item)
{
	uint32_t code = trace_word_code(item->word), site = code - TRACE_CODE_POLL;
	uint64_t object = trace_word_object(item->word);
	struct request closed, *handle;

	if (item->shape == TRACE_SHAPE_WAIT || object == 0)
		return 0;
	if (code == TRACE_HANDLE_CLOSE)
		request_table_take(handles, object, &closed);
	if (!trace_code_is_poll(code) || !is_handle_site(process, site) ||
	    request_table_find(handles, object))
		return 0;
	handle = request_table_add(handles, object);
	if (!handle)
		return -ENOMEM;
	*handle = (struct request){.key = object, .site = site};
	return 0;
}

static uint32_t most_of(const struct trace_process *process, const struct request_table *handles,
			uint64_t *most)
{
	uint64_t *counts = calloc(process->site_count + 1, sizeof(*counts));
	uint32_t site = (uint32_t)process->site_count;

	*most = 0;
	for (size_t i = 0; counts && i < handles->capacity; i++) {
		const struct request *handle = &handles->slots[i];
		if (handle->key != 0 && ++counts[handle->site] > *most) {
			*most = counts[handle->site];
			site = handle->site;
		}
	}
	free(counts);
	return site;
}

uint32_t growth_culprit(const struct findings_input *input, size_t worker, uint64_t *most)
{
	const struct trace_process *process = input->timeline->process;
	struct trace_cursor *cursor =
	    input->trace ? trace_cursor_open(input->trace, input->process, worker) : NULL;
	struct trace_item *items = calloc(BATCH, sizeof(*items));
	struct request_table handles = {0};
	size_t count;
	int error = 0;

	while (cursor && items && error == 0 &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH)) > 0) {
		for (size_t i = 0; i < count && error == 0; i++)
			error = item_look(process, &handles, &items[i]);
	}
	uint32_t site = most_of(process, &handles, most);
	request_table_free(&handles);
	free(items);
	if (cursor)
		trace_cursor_close(cursor);
	return site;
}
