/* SPDX-License-Identifier: Apache-2.0
 *
 * See profile.h. The events of each worker that was sampled are read once more, beside its samples.
 */
#include "profile.h"

#include <errno.h>
#include <stdlib.h>

#include "format/open_stack.h"

#define BATCH	  1024
#define SECOND_NS 1000000000.0
#define TICKS_MAX 0x1p62

/* The samples of one worker, and how far its events have been read. */
struct reading {
	const struct timeline *timeline;
	struct stall **samples; /* by tick */
	size_t count, next;
	struct open_stack open;
};

static void sample_place(const struct reading *reading, struct stall *sample, uint64_t word,
			 uint64_t tick)
{
	uint32_t site = trace_word_code(word) - TRACE_CODE_POLL;

	if (site >= reading->timeline->process->site_count)
		return;
	sample->site = site;
	sample->poll_tick = tick;
}

/* The samples before a tick fell into what is open now. */
static void samples_before(struct reading *reading, uint64_t tick)
{
	const struct open_stack *open = &reading->open;

	for (; reading->next < reading->count && reading->samples[reading->next]->tick < tick;
	     reading->next++)
		if (open_top_is_poll(open))
			sample_place(reading, reading->samples[reading->next],
				     open->list[open->count - 1].word,
				     open->list[open->count - 1].tick);
}

static void item_take(struct reading *reading, const struct trace_item *item)
{
	samples_before(reading, item->tick);
	if (item->shape == TRACE_SHAPE_INSTANT) {
		open_apply(&reading->open, item->word, item->tick);
		return;
	}
	if (item->shape != TRACE_SHAPE_POLL)
		return;
	for (; reading->next < reading->count &&
	       reading->samples[reading->next]->tick <= item->tick + item->duration;
	     reading->next++)
		sample_place(reading, reading->samples[reading->next], item->word, item->tick);
}

static void context_take(struct reading *reading, const struct trace_context *context, size_t count,
			 uint64_t tick)
{
	samples_before(reading, tick);
	reading->open = (struct open_stack){0};
	for (size_t i = 0; i < count; i++)
		open_apply(&reading->open, context[i].word, context[i].tick);
}

static void cursor_read(struct trace_cursor *cursor, struct reading *reading)
{
	struct trace_item items[BATCH];
	size_t count, context_count;
	bool after_gap;

	while (reading->next < reading->count &&
	       (count = trace_cursor_read(cursor, UINT64_MAX, items, BATCH)) > 0) {
		const struct trace_context *context =
		    trace_cursor_context(cursor, &context_count, &after_gap);

		if (context)
			context_take(reading, context, context_count, items[0].tick);
		for (size_t i = 0; i < count; i++)
			item_take(reading, &items[i]);
	}
	samples_before(reading, UINT64_MAX);
}

/* The whole ticks next to it, one at least: of a clock whose ticks are longer than a sample's time
 * stands for, each sample is as much as another. */
static uint64_t whole_ticks(double ticks)
{
	if (!(ticks >= 1))
		return 1;
	return ticks < TICKS_MAX ? (uint64_t)(ticks + 0.5) : (uint64_t)TICKS_MAX;
}

/* How much time the worker's callbacks took is known exactly: the samples that fell into them share
 * it by the periods that they stand for. */
static void callback_time_share(struct reading *reading, uint64_t callback_ticks)
{
	const uint32_t unknown = (uint32_t)reading->timeline->process->site_count;
	double placed_ticks = 0;

	for (size_t i = 0; i < reading->count; i++)
		if (reading->samples[i]->site != unknown)
			placed_ticks += (double)reading->samples[i]->ticks;
	for (size_t i = 0; i < reading->count && callback_ticks > 0; i++) {
		struct stall *sample = reading->samples[i];

		if (sample->site != unknown)
			sample->ticks = whole_ticks((double)sample->ticks / placed_ticks *
						    (double)callback_ticks);
	}
}

/* Gives each sample of a worker its callback. */
static int worker_place(struct trace *trace, const struct timeline *timeline,
			struct stalls *profile, size_t worker)
{
	struct reading reading = {.timeline = timeline};
	struct trace_cursor *cursor;

	reading.samples = calloc(profile->count + 1, sizeof(*reading.samples));
	if (!reading.samples)
		return -ENOMEM;
	for (size_t i = 0; i < profile->count; i++)
		if (profile->list[i].worker == worker)
			reading.samples[reading.count++] = &profile->list[i];
	cursor = reading.count > 0
		     ? trace_cursor_open_near(trace, (size_t)(timeline->process - trace->processes),
					      worker, reading.samples[0]->tick)
		     : NULL;
	if (cursor)
		cursor_read(cursor, &reading);
	trace_cursor_close(cursor);
	callback_time_share(&reading, timeline->workers[worker].callback_ticks);
	free(reading.samples);
	return 0;
}

static bool is_wanted(const struct timeline *timeline, const struct trace_stall *sample)
{
	return sample->tick >= timeline->from_tick && sample->tick <= timeline->to_tick &&
	       (timeline->options.worker == 0 || timeline->options.worker == sample->worker);
}

/* Ticks of one period of the profile. */
static double period_ticks(const struct timeline *timeline)
{
	const uint64_t ticks = 1u << 20;

	return SECOND_NS / timeline->process->profile_hz * (double)ticks /
	       (double)timeline_ns(timeline, ticks);
}

static int sample_add(struct stalls *profile, const struct timeline *timeline,
		      struct symbols *symbols, const struct trace_stall *sample)
{
	struct stall *added = &profile->list[profile->count];
	int error = stall_explain(timeline->process, symbols, sample, added);

	if (error || added->worker == timeline->process->worker_count) {
		stall_clear(added);
		return error;
	}
	profile->count++;
	added->site = (uint32_t)timeline->process->site_count;
	added->poll_tick = sample->tick;
	added->ticks = whole_ticks(period_ticks(timeline) * (1.0 + (double)sample->suppressed));
	return 0;
}

struct stalls *profile_make(struct trace *trace, const struct timeline *timeline,
			    struct symbols *symbols)
{
	const struct trace_process *process = timeline->process;
	struct stalls *profile = calloc(1, sizeof(*profile));
	int error = 0;

	if (!profile)
		return NULL;
	profile->list = calloc(process->profile_count + 1, sizeof(*profile->list));
	if (!profile->list)
		error = -ENOMEM;
	for (size_t i = 0; error == 0 && process->profile_hz > 0 && i < process->profile_count; i++)
		if (is_wanted(timeline, &process->profile[i]))
			error = sample_add(profile, timeline, symbols, &process->profile[i]);
	for (size_t i = 0; error == 0 && profile->count > 0 && i < process->worker_count; i++)
		error = worker_place(trace, timeline, profile, i);
	if (error == 0)
		return profile;
	stalls_free(profile);
	return NULL;
}
