/* SPDX-License-Identifier: Apache-2.0
 *
 * Loops that an outermost callback runs itself, and what it waited for in them: the loop that it
 * was called by stands still meanwhile. Of each wait the callback that runs next tells what it was
 * for; the one with more than half of the waiting counts. Where the callback runs the very loop
 * that it was called by, that goes on, and nobody waits.
 */
#include "timeline_internal.h"

void nested_clear(struct stream *stream)
{
	stream->nested = (struct nested){.site = stream->site_count};
}

/* The loops around the outermost callback and just inside it; 0: there is none. */
static void loops_around(const struct open_stack *open, uint64_t *outer, uint64_t *inner)
{
	bool inside = false;

	*outer = *inner = 0;
	for (uint32_t i = 0; i < open->count && *inner == 0; i++) {
		uint64_t word = open->list[i].word;
		if (trace_word_is_poll(word))
			inside = true;
		else
			*(inside ? inner : outer) = trace_word_object(word);
	}
}

void nested_enter(struct stream *stream, uint64_t tick, uint64_t loop)
{
	uint64_t outer, inner;

	loops_around(&stream->open, &outer, &inner);
	if (inner != 0 || outer != loop)
		return;
	stream->nested.same = true;
	stream->nested.same_since = tick;
}

void nested_resume(struct stream *stream, uint64_t tick)
{
	uint64_t outer, inner;

	nested_clear(stream);
	loops_around(&stream->open, &outer, &inner);
	stream->nested.same = inner != 0 && inner == outer;
	stream->nested.same_since = tick;
}

void nested_leave(struct stream *stream, uint64_t tick)
{
	uint64_t outer, inner;

	stream->nested.last_wait = 0;
	loops_around(&stream->open, &outer, &inner);
	if (inner != 0)
		return;
	stream->nested.same_ticks = nested_same_ticks(stream, tick);
	stream->nested.same = false;
}

uint64_t nested_same_ticks(const struct stream *stream, uint64_t tick)
{
	const struct nested *nested = &stream->nested;

	return nested->same_ticks +
	       (nested->same && tick > nested->same_since ? tick - nested->same_since : 0);
}

void nested_wait(struct stream *stream, uint64_t wait_ticks)
{
	if (stream->nested.same)
		return;
	stream->nested.waited_ticks += wait_ticks;
	stream->nested.last_wait = wait_ticks;
}

void nested_poll(struct stream *stream, uint32_t site)
{
	struct nested *nested = &stream->nested;

	nested->child |= (stream->traits[site] & TRAIT_CHILD) != 0;
	if (nested->last_wait > 0)
		vote(&nested->site, &nested->votes, site, nested->last_wait);
	nested->last_wait = 0;
}

void nested_tell(const struct stream *stream, uint64_t tick, struct timeline_span *span)
{
	const struct nested *nested = &stream->nested;
	uint64_t since = stream->open.park_tick;
	bool waits = stream->open.parked && !nested->same && tick > since;
	uint64_t ticks = nested->waited_ticks + (waits ? tick - since : 0);

	span->nested_ticks = ticks < span->duration ? ticks : span->duration;
	span->nested_site = nested->site;
	span->nested_child = nested->child;
}
