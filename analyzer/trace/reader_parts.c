/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of a worker's stream: blocks that can be read apart, by several threads or from a moment
 * on.
 *
 * Rules: parts cover all blocks, in their order, each once. What is decided here comes from block
 * headers alone; the cursor (reader_cursor.c) reads the records.
 */
#include <stdlib.h>

#include "reader_internal.h"

static struct trace_part begin_part(const struct reader_blocks *blocks, size_t first)
{
	const struct reader_block *block = &blocks->list[first];
	const struct reader_block *before = first > 0 ? block - 1 : NULL;
	uint64_t reached = before ? before->first_index + before->event_count : 0;

	return (struct trace_part){
	    .first_block = first,
	    .first_tick = block->first_tick,
	    .missing = block->first_index > reached ? block->first_index - reached : 0,
	};
}

/* Records of a ring have no context before them, and that of a block which begins with doubles is
 * too old: both stay with what comes before. */
size_t trace_parts(const struct trace_worker *worker, uint64_t events, struct trace_part *parts)
{
	const struct reader_blocks *blocks = worker->blocks;
	struct trace_part part = {0};
	size_t count = 0;

	for (size_t i = 0; blocks && i < blocks->count; i++) {
		const struct reader_block *block = &blocks->list[i];
		bool full =
		    part.events > 0 && part.events + block->event_count > events && !block->raw;

		if (full && parts)
			parts[count] = part;
		count += full;
		if (full || i == 0)
			part = begin_part(blocks, i);
		part.end_block = i + 1;
		part.last_tick = block->last_tick;
		part.events += block->event_count;
	}
	if (part.end_block > 0 && parts)
		parts[count] = part;
	return count + (part.end_block > 0);
}

#define NEAR_EVENTS 4096

struct trace_cursor *trace_cursor_open_near(struct trace *trace, size_t process,
					    size_t worker_position, uint64_t tick)
{
	const struct trace_worker *worker = &trace->processes[process].workers[worker_position];
	size_t count = trace_parts(worker, NEAR_EVENTS, NULL), at = 0;
	struct trace_part *parts = calloc(count + 1, sizeof(*parts));
	struct trace_cursor *cursor = NULL;

	if (!parts)
		return NULL;
	trace_parts(worker, NEAR_EVENTS, parts);
	for (size_t i = 0; i < count; i++)
		if (parts[i].first_tick < tick)
			at = i;
	if (count > 0) {
		parts[at].end_block = parts[count - 1].end_block;
		cursor = trace_cursor_open_part(trace, process, worker_position, &parts[at]);
	}
	free(parts);
	return cursor;
}
