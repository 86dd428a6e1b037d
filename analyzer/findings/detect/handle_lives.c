/* SPDX-License-Identifier: Apache-2.0
 *
 * See handle_lives.h.
 */
#include "handle_lives.h"

#include <stdlib.h>
#include <string.h>

#include "base/request_table.h"
#include "format/trace_tables.h"
#include "second_look.h"

struct life {
	uint32_t home; /* the group */
	uint32_t by;   /* the first callback; site_count: none yet */
	uint32_t next_free;
	uint8_t end; /* enum handle_end */
	bool started, repeats;
};

struct reading {
	const struct timeline *timeline;
	const struct trace_process *process;
	uint32_t site_count;
	struct handle_lives *lives;
	struct request_table table; /* by address: `site` is the place in `list` */
	struct life *list;
	uint32_t count, capacity, first_free; /* first_free: place + 1; 0: none */
	bool failed;
};

/* ---- Growth ---------------------------------------------------------------------------------- */

static void growth_put(struct handle_group *group, size_t quarter)
{
	struct timeline_growth *growth = &group->growth;

	if (growth->samples[quarter]++ == 0 || group->unclosed < growth->least[quarter])
		growth->least[quarter] = group->unclosed;
	if (group->unclosed > growth->most[quarter])
		growth->most[quarter] = group->unclosed;
}

/* The number was what it is now until this quarter. */
static void growth_reach(struct handle_group *group, size_t quarter)
{
	for (; group->quarter < quarter; group->quarter++) {
		growth_put(group, group->quarter);
		growth_put(group, group->quarter + 1);
	}
}

/* `by` 1 or -1. What was before the range only counts in the number at its begin. */
static void unclosed_add(struct reading *reading, struct handle_group *group, uint64_t tick, int by)
{
	bool is_in_range =
	    tick >= reading->timeline->from_tick && tick < reading->timeline->to_tick;

	if (tick >= reading->timeline->to_tick)
		return;
	growth_reach(group, quarter_of(reading->timeline, tick));
	if (is_in_range && group->growth.samples[group->quarter] == 0)
		growth_put(group, group->quarter);
	group->unclosed += (uint64_t)by;
	if (is_in_range)
		growth_put(group, group->quarter);
}

/* ---- Lives ----------------------------------------------------------------------------------- */

static struct handle_group *group_of(struct reading *reading, const struct life *life)
{
	return &reading->lives->groups[life->home];
}

static void end_set(struct reading *reading, struct life *life, enum handle_end end, uint64_t tick)
{
	struct handle_group *group = group_of(reading, life);

	if (life->end != HANDLE_GOES_ON) {
		group->ended[life->end]--;
		unclosed_add(reading, group, tick, -1);
	}
	life->end = (uint8_t)end;
	if (end != HANDLE_GOES_ON) {
		group->ended[end]++;
		unclosed_add(reading, group, tick, 1);
	}
}

static void life_free(struct reading *reading, uint32_t at)
{
	reading->list[at].next_free = reading->first_free;
	reading->first_free = at + 1;
}

static uint32_t life_place(struct reading *reading)
{
	uint32_t at = reading->first_free;

	if (at > 0) {
		reading->first_free = reading->list[at - 1].next_free;
		return at - 1;
	}
	if (reading->count == reading->capacity) {
		uint32_t capacity = reading->capacity ? reading->capacity * 2 : 64;
		struct life *list = realloc(reading->list, capacity * sizeof(*list));
		if (!list)
			return UINT32_MAX;
		reading->list = list;
		reading->capacity = capacity;
	}
	return reading->count++;
}

/* NULL: no memory. */
static struct life *life_make(struct reading *reading, uint64_t object, uint32_t home)
{
	uint32_t at = life_place(reading);
	struct request *entry =
	    at != UINT32_MAX ? request_table_add(&reading->table, object) : NULL;

	reading->failed |= !entry;
	if (!entry)
		return NULL;
	*entry = (struct request){.key = object, .site = at};
	reading->list[at] = (struct life){.home = home, .by = reading->site_count};
	return &reading->list[at];
}

static struct life *life_find(struct reading *reading, uint64_t object)
{
	struct request *entry = request_table_find(&reading->table, object);

	return entry ? &reading->list[entry->site] : NULL;
}

/* Its group; NULL where nothing was known of it. */
static struct handle_group *life_end(struct reading *reading, uint64_t object, uint64_t tick)
{
	struct request entry;

	if (!request_table_take(&reading->table, object, &entry))
		return NULL;
	end_set(reading, &reading->list[entry.site], HANDLE_GOES_ON, tick);
	life_free(reading, entry.site);
	return group_of(reading, &reading->list[entry.site]);
}

static void closed(struct reading *reading, uint64_t object, uint64_t tick)
{
	struct handle_group *group = life_end(reading, object, tick);

	if (group)
		group->closed++;
}

/* ---- Events ---------------------------------------------------------------------------------- */

bool handle_site_is_stream(const struct trace_process *process, uint32_t site)
{
	static const char *const kinds[] = {"tcp", "pipe", "tty", "read"};
	const char *kind = trace_site_kind(process, site);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	}
	return false;
}

/* Where a handle was before that was not closed, its memory has another use now: it is no more. */
static struct life *made(struct reading *reading, uint64_t object, uint64_t tick, uint32_t site)
{
	life_end(reading, object, tick);
	reading->lives->groups[site].made++;
	return life_make(reading, object, site);
}

static void begun(struct reading *reading, uint64_t object, uint64_t tick, uint32_t site)
{
	struct life *life = trace_site_makes(reading->process, site)
				? made(reading, object, tick, site)
				: life_find(reading, object);

	if (!life)
		life = life_make(reading, object, site);
	if (!life)
		return;
	end_set(reading, life, HANDLE_GOES_ON, tick);
	life->repeats = false;
	if (!reading->process->sites[site].callback)
		return;
	life->started = true;
	if (life->by == reading->site_count)
		life->by = site;
}

static enum handle_end end_of_run(const struct reading *reading, const struct life *life,
				  uint32_t site)
{
	const char *kind = trace_site_kind(reading->process, site);

	if (strcmp(kind, "process_exit") == 0)
		return HANDLE_EXITED;
	if (strcmp(kind, "timer") == 0 && life->started && !life->repeats)
		return HANDLE_FIRED;
	return HANDLE_GOES_ON;
}

static void end_vote(struct handle_group *group, uint32_t site)
{
	if (group->end_votes == 0)
		group->end_site = site;
	group->end_votes += group->end_site == site ? 1 : -1;
}

static void run(struct reading *reading, uint64_t object, uint64_t tick, uint32_t site)
{
	struct life *life;

	if (!trace_site_is_handle(reading->process, site) ||
	    strcmp(trace_site_kind(reading->process, site), "close") == 0)
		return;
	life = life_find(reading, object);
	if (!life)
		life = life_make(reading, object, site);
	if (!life)
		return;
	if (life->by == reading->site_count)
		life->by = site;
	end_set(reading, life, end_of_run(reading, life, site), tick);
	if (life->end != HANDLE_GOES_ON)
		end_vote(group_of(reading, life), site);
}

static void ended(struct reading *reading, uint64_t object, uint64_t tick, enum handle_end end,
		  uint32_t by)
{
	struct life *life = life_find(reading, object);

	if (!life || life->end == HANDLE_TOLD)
		return;
	if (end == HANDLE_STOPPED && handle_site_is_stream(reading->process, life->home))
		end = HANDLE_PAUSED;
	end_set(reading, life, end, tick);
	end_vote(group_of(reading, life), by);
}

static void take(void *arg, uint64_t tick, uint64_t word, uint32_t by)
{
	struct reading *reading = arg;
	uint32_t code = trace_word_code(word), site = (code - TRACE_CODE_POLL) % TRACE_SITES_MAX;
	uint64_t object = trace_word_object(word);
	struct life *life;

	if (object == 0)
		return;
	if (code >= TRACE_CODE_POLL && site >= reading->site_count)
		return;
	if (trace_code_is_poll(code)) {
		run(reading, object, tick, site);
	} else if (trace_code_is_handle(code)) {
		begun(reading, object, tick, site);
	} else if (code == TRACE_HANDLE_CLOSE) {
		closed(reading, object, tick);
	} else if (code == TRACE_HANDLE_END) {
		ended(reading, object, tick, HANDLE_TOLD, by);
	} else if (code == TRACE_HANDLE_STOP) {
		ended(reading, object, tick, HANDLE_STOPPED, by);
	} else if (code == TRACE_TIMER_REPEATS && (life = life_find(reading, object))) {
		life->repeats = true;
	}
}

static void forget(void *arg, uint64_t tick)
{
	struct reading *reading = arg;

	for (size_t i = 0; i < reading->table.capacity; i++) {
		if (reading->table.slots[i].key != 0)
			end_set(reading, &reading->list[reading->table.slots[i].site],
				HANDLE_GOES_ON, tick);
	}
	request_table_empty(&reading->table);
	reading->count = reading->first_free = 0;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void going_count(struct reading *reading)
{
	for (size_t i = 0; i < reading->table.capacity; i++) {
		const struct request *entry = &reading->table.slots[i];
		const struct life *life = &reading->list[entry->site];
		if (entry->key == 0 || life->end != HANDLE_GOES_ON)
			continue;
		reading->lives->going[life->by < reading->site_count ? life->by : life->home]++;
		reading->lives->streams += handle_site_is_stream(reading->process, life->home);
	}
}

struct handle_lives handle_lives_read(const struct findings_input *input, size_t worker)
{
	const struct trace_process *process = input->timeline->process;
	struct handle_lives lives = {
	    .groups = calloc(process->site_count + 1, sizeof(*lives.groups)),
	    .going = calloc(process->site_count + 1, sizeof(*lives.going)),
	};
	struct reading reading = {
	    .timeline = input->timeline,
	    .process = process,
	    .site_count = (uint32_t)process->site_count,
	    .lives = &lives,
	};
	const struct second_look look = {.take = take, .forget = forget, .arg = &reading};

	lives.failed =
	    !lives.groups || !lives.going || !second_look(input, worker, &look) || reading.failed;
	for (size_t i = 0; !lives.failed && i < process->site_count; i++)
		growth_reach(&lives.groups[i], TIMELINE_QUARTERS - 1);
	if (!lives.failed)
		going_count(&reading);
	request_table_free(&reading.table);
	free(reading.list);
	return lives;
}

void handle_lives_free(struct handle_lives *lives)
{
	free(lives->groups);
	free(lives->going);
	*lives = (struct handle_lives){0};
}
