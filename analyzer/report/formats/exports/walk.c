/* SPDX-License-Identifier: Apache-2.0
 *
 * See walk.h.
 */
#include "walk.h"

#include <errno.h>
#include <stdlib.h>

#include "format/open_stack.h"

/* A worker, as far as it has been read. */
struct lane {
	struct open_stack open;
	size_t resuming; /* words that say what was open since before are still to come */
};

struct walk {
	const struct walk_listener *listener;
	void *arg;
	struct lane *lanes;
};

static void told_end(struct walk *walk, size_t worker, struct trace_context begun, uint64_t tick,
		     uint64_t by)
{
	walk->listener->end(walk->arg, worker, &begun, tick, by);
}

static void close_by(struct walk *walk, size_t worker, uint64_t tick, uint64_t word)
{
	struct open_stack *open = &walk->lanes[worker].open;
	enum trace_effect effect = trace_code_effect(trace_word_code(word));
	uint32_t closing = open_closing(open, effect);

	if (open->parked && open_ends_wait(effect)) {
		told_end(walk, worker, (struct trace_context){TRACE_PARK, open->park_tick}, tick,
			 effect == TRACE_EFFECT_CLOSES_WAIT ? word : 0);
		open->parked = false;
	}
	for (; closing > 0; closing--) {
		struct trace_context begun = open_pop(open);

		if (trace_word_is_poll(begun.word))
			told_end(walk, worker, begun, tick,
				 effect == TRACE_EFFECT_CLOSES_POLL && closing == 1 ? word : 0);
	}
}

static void open_by(struct walk *walk, size_t worker, uint64_t tick, uint64_t word)
{
	struct open_stack *open = &walk->lanes[worker].open;
	enum trace_effect effect = trace_code_effect(trace_word_code(word));

	open_begin(open, word, tick);
	if ((effect == TRACE_EFFECT_OPENS_POLL && open->beyond == 0) ||
	    effect == TRACE_EFFECT_OPENS_WAIT)
		walk->listener->begin(walk->arg, worker, tick, word);
}

/* The worker's data begins here, or goes on: what follows says what was open since before. */
static void resume(struct walk *walk, size_t worker, uint64_t tick, uint64_t word)
{
	struct lane *lane = &walk->lanes[worker];

	close_by(walk, worker, tick, TRACE_WORKER_END);
	lane->open = (struct open_stack){0};
	lane->resuming = trace_word_object(word) >> 1;
}

static void take_event(struct walk *walk, size_t worker, uint64_t tick, uint64_t word)
{
	struct lane *lane = &walk->lanes[worker];

	if (trace_word_code(word) == TIMELINE_RESUME) {
		resume(walk, worker, tick, word);
		return;
	}
	if (lane->resuming > 0)
		lane->resuming--;
	else
		close_by(walk, worker, tick, word);
	open_by(walk, worker, tick, word);
}

static void take_events(void *arg, size_t worker, const struct timeline_event *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		take_event(arg, worker, list[i].tick, list[i].word);
}

static void take_item(void *arg, const struct timeline_span *span, uint64_t submit_tick)
{
	const struct walk *walk = arg;

	if (walk->listener->item)
		walk->listener->item(walk->arg, span, submit_tick);
}

static void take_level(void *arg, uint64_t tick, uint64_t queued, uint64_t running)
{
	const struct walk *walk = arg;

	if (walk->listener->level)
		walk->listener->level(walk->arg, tick, queued, running);
}

static void take_mark(void *arg, size_t worker, const struct mark *mark)
{
	const struct walk *walk = arg;

	if (walk->listener->mark)
		walk->listener->mark(walk->arg, worker, mark);
}

int walk_process(const struct report *report, const struct walk_listener *listener, void *arg)
{
	const struct trace_process *process = report->timeline->process;
	struct walk walk = {.listener = listener, .arg = arg};
	const struct timeline_watch watch = {.item = take_item,
					     .level = take_level,
					     .mark = take_mark,
					     .events = take_events,
					     .arg = &walk};
	struct timeline_options options = report->timeline->options;
	struct timeline *timeline = NULL;

	options.watch = &watch;
	walk.lanes = calloc(process->worker_count + 1, sizeof(*walk.lanes));
	if (walk.lanes)
		timeline =
		    timeline_read(report->trace, (size_t)(process - report->trace->processes),
				  &options, NULL, NULL);
	free(walk.lanes);
	timeline_free(timeline);
	return timeline ? 0 : -ENOMEM;
}
