/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks and spans of the program, over all workers in the order of time: values by name, and spans
 * from their begin to the end of the same name and id, wherever that is.
 *
 * Rules: of a span that was on its way where events were lost or recording was off nothing is said
 * but its number: its own end may be missing, and the next end of that id be another one's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "timeline_internal.h"

#define ROOM_FIRST 256u /* slots; a power of two */

/* Spans on their way: open addressing, linear probing, without tombstones. */
struct open_span {
	uint64_t id, tick;
	uint32_t name, worker;
	bool used;
};

struct spans {
	struct mark_parts *parts; /* by worker */
	struct open_span *slots;
	size_t capacity, count;
};

/* ---- Those on their way ---------------------------------------------------------------------- */

static size_t slot_home(const struct spans *spans, uint32_t name, uint64_t id)
{
	return (size_t)((id * 0x9e3779b97f4a7c15ull ^ name * 0xff51afd7ed558ccdull) >> 32) &
	       (spans->capacity - 1);
}

static struct open_span *slot_find(const struct spans *spans, uint32_t name, uint64_t id)
{
	size_t at = slot_home(spans, name, id);

	while (spans->slots[at].used &&
	       (spans->slots[at].id != id || spans->slots[at].name != name))
		at = (at + 1) & (spans->capacity - 1);
	return &spans->slots[at];
}

static int spans_grow(struct spans *spans)
{
	struct spans larger = *spans;

	larger.capacity = spans->capacity ? spans->capacity * 2 : ROOM_FIRST;
	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < spans->capacity; i++) {
		if (spans->slots[i].used)
			*slot_find(&larger, spans->slots[i].name, spans->slots[i].id) =
			    spans->slots[i];
	}
	free(spans->slots);
	*spans = larger;
	return 0;
}

/* Those behind the hole move up, so that no probing ends too early. */
static void hole_close(struct spans *spans, size_t hole)
{
	for (size_t at = (hole + 1) & (spans->capacity - 1); spans->slots[at].used;
	     at = (at + 1) & (spans->capacity - 1)) {
		size_t home = slot_home(spans, spans->slots[at].name, spans->slots[at].id);
		if (((at - home) & (spans->capacity - 1)) < ((at - hole) & (spans->capacity - 1)))
			continue; /* its home lies behind the hole */
		spans->slots[hole] = spans->slots[at];
		hole = at;
	}
	spans->slots[hole].used = false;
	spans->count--;
}

/* ---- What is counted ------------------------------------------------------------------------- */

static struct timeline_name *name_of(struct timeline *timeline, uint32_t name)
{
	size_t unknown = timeline->process->name_count;

	return &timeline->names[name < unknown ? name : unknown];
}

static bool is_counted(const struct timeline *timeline, uint32_t position, uint64_t from,
		       uint64_t to)
{
	const struct trace_worker *worker = &timeline->process->workers[position];

	return (timeline->options.worker == 0 || timeline->options.worker == worker->worker) &&
	       timeline_overlaps(timeline, from, to);
}

static struct timeline_user_spans span_named(const struct open_span *open)
{
	return (struct timeline_user_spans){
	    .tick = open->tick, .id = open->id, .name = open->name, .worker = open->worker};
}

static void span_tell(const struct timeline *timeline, const struct timeline_user_spans *span)
{
	if (timeline->options.watch && timeline->options.watch->span)
		timeline->options.watch->span(timeline->options.watch->arg, span);
}

/* One that has no end, as far as can be told. */
static void span_alone(struct timeline *timeline, const struct open_span *open)
{
	struct timeline_user_spans span = span_named(open);

	if (is_counted(timeline, open->worker, open->tick, open->tick))
		name_of(timeline, open->name)->begins_alone++;
	span_tell(timeline, &span);
}

/* Longer is more; of two equal ones the earlier. */
static bool is_slower(const struct timeline_user_spans *span,
		      const struct timeline_user_spans *than)
{
	return span->duration > than->duration ||
	       (span->duration == than->duration && span->tick < than->tick);
}

static void span_count(struct timeline *timeline, const struct open_span *open, uint64_t tick,
		       size_t position)
{
	struct timeline_name *name = name_of(timeline, open->name);
	struct timeline_user_spans span = span_named(open);

	if (timeline_off_between(timeline, open->tick, tick) != open->tick) {
		span_alone(timeline, open);
		return;
	}
	span.duration = tick > open->tick ? tick - open->tick : 0;
	span.end_worker = (uint32_t)position;
	span.ended = true;
	span_tell(timeline, &span);
	if (!is_counted(timeline, open->worker, open->tick, tick))
		return;
	histogram_add(&name->spans, span.duration);
	if (name->spans.count == 1 || is_slower(&span, &name->slowest))
		name->slowest = span;
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void mark_seen(struct timeline *timeline, size_t position, const struct mark *mark)
{
	if (is_counted(timeline, (uint32_t)position, mark->tick, mark->tick))
		histogram_add(&name_of(timeline, mark->name)->marks, mark->value);
	if (timeline->options.watch && timeline->options.watch->mark)
		timeline->options.watch->mark(timeline->options.watch->arg, position, mark);
}

static int span_begun(struct timeline *timeline, size_t position, const struct mark *mark)
{
	struct spans *spans = timeline->hidden->spans;

	if (spans->count * 2 >= spans->capacity && spans_grow(spans) < 0)
		return -ENOMEM;
	struct open_span *slot = slot_find(spans, mark->name, mark->value);
	if (slot->used)
		span_alone(timeline, slot);
	spans->count += !slot->used;
	*slot = (struct open_span){mark->value, mark->tick, mark->name, (uint32_t)position, true};
	return 0;
}

static void span_ended(struct timeline *timeline, size_t position, const struct mark *mark)
{
	struct spans *spans = timeline->hidden->spans;
	struct open_span *slot =
	    spans->count > 0 ? slot_find(spans, mark->name, mark->value) : NULL;

	if (slot && slot->used) {
		span_count(timeline, slot, mark->tick, position);
		hole_close(spans, (size_t)(slot - spans->slots));
	} else if (is_counted(timeline, (uint32_t)position, mark->tick, mark->tick)) {
		name_of(timeline, mark->name)->ends_alone++;
	}
}

int spans_take(struct timeline *timeline, size_t position, uint64_t tick, uint64_t word)
{
	struct mark_parts *parts = &timeline->hidden->spans->parts[position];

	if (!mark_take(parts, tick, word))
		return 0;
	switch (parts->mark.code) {
	case TRACE_MARK:
		mark_seen(timeline, position, &parts->mark);
		return 0;
	case TRACE_SPAN_BEGIN:
		return span_begun(timeline, position, &parts->mark);
	default:
		span_ended(timeline, position, &parts->mark);
		return 0;
	}
}

void spans_forget(struct timeline *timeline, size_t position)
{
	struct spans *spans = timeline->hidden->spans;

	marks_forget(&spans->parts[position]);
	for (size_t i = 0; spans->count > 0 && i < spans->capacity; i++) {
		if (!spans->slots[i].used)
			continue;
		span_alone(timeline, &spans->slots[i]);
		spans->slots[i].used = false;
		spans->count--;
	}
	if (spans->capacity >
	    ROOM_FIRST) { /* else the next gap would look through all of it again */
		free(spans->slots);
		spans->slots = NULL;
		spans->capacity = 0;
	}
}

/* What is left never ended. */
void spans_finish(struct timeline *timeline)
{
	struct spans *spans = timeline->hidden->spans;

	for (size_t i = 0; i < spans->capacity; i++) {
		const struct open_span *open = &spans->slots[i];
		struct timeline_user_spans span = span_named(open);
		if (!open->used)
			continue;
		span_tell(timeline, &span);
		if (is_counted(timeline, open->worker, open->tick, timeline->process->last_tick))
			name_of(timeline, open->name)->open++;
	}
}

/* ---- Memory ---------------------------------------------------------------------------------- */

struct spans *spans_make(const struct timeline *timeline)
{
	struct spans *spans = calloc(1, sizeof(*spans));

	if (!spans)
		return NULL;
	spans->parts = calloc(timeline->process->worker_count + 1, sizeof(*spans->parts));
	if (spans->parts)
		return spans;
	free(spans);
	return NULL;
}

void spans_free(struct spans *spans)
{
	if (!spans)
		return;
	free(spans->parts);
	free(spans->slots);
	free(spans);
}

void name_clear(struct timeline_name *name)
{
	histogram_clear(&name->marks);
	histogram_clear(&name->spans);
}
