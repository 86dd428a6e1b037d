/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens in an iteration: its callbacks, which of them caused which, and what only the engine
 * can follow.
 *
 * Rules: what the engine would pass over is passed over. Where there may be doubt about a callback,
 * its transaction is the engine's; where there may be about more than one, the iteration is.
 */
#include "turns.h"

/* ---- Callbacks and what they submit ---------------------------------------------------------- */

static struct submit *submit_find(struct turns *turns, uint64_t object)
{
	size_t at = (object * 0x9e3779b97f4a7c15ull >> 40) & (SUBMITS - 1);

	while (turns->submits[at].turn == turns->number && turns->submits[at].object != object)
		at = (at + 1) & (SUBMITS - 1);
	return &turns->submits[at];
}

/* False: that is not plain. */
static bool submit_take(struct turns *turns, struct poll *poll, uint64_t tick, uint64_t word)
{
	uint32_t site = engine_site(turns->e, word);
	uint64_t object = trace_word_object(word);
	uint16_t at = (uint16_t)(poll - turns->polls);

	if (object == 0 || turns->e->roles[site] < ROLE_REQUEST ||
	    turns->e->roles[site] > ROLE_POOL)
		return true;
	struct submit *submit = submit_find(turns, object);
	if (submit->turn == turns->number && submit->poll != NOBODY)
		return false;
	if (submit->turn != turns->number && ++turns->submit_count > SUBMITS / 2)
		return false;
	*submit = (struct submit){object, turns->number, at};
	if (turns->e->roles[site] == ROLE_POOL || poll->child != NOBODY ||
	    poll->length == CHAIN_MAX || poll->role == ROLE_ALLOC)
		turns->polls[poll->root].engines = true;
	poll->child = at;
	poll->caused_tick = tick;
	poll->length += poll->length == 0;
	return true;
}

/* Whose step it is, if it was caused in this iteration. */
static void poll_caused(struct turns *turns, struct poll *poll)
{
	struct submit *submit = submit_find(turns, poll->object);

	if (submit->turn != turns->number || submit->poll == NOBODY) {
		poll->engines = true;
		return;
	}
	struct poll *parent = &turns->polls[submit->poll];
	poll->parent = submit->poll;
	poll->root = parent->root;
	poll->length = (uint16_t)(parent->length + 1);
	parent->child = (uint16_t)(poll - turns->polls);
	submit->poll = NOBODY;
}

/* False: there are too many. */
static bool site_place(struct turns *turns, struct poll *poll)
{
	uint8_t at = 0;

	while (at < turns->site_count && turns->sites[at] != poll->site)
		at++;
	if (at == TURN_SITES)
		return false;
	if (at == turns->site_count) {
		turns->sites[at] = poll->site;
		turns->site_count++;
	}
	poll->place = at;
	return true;
}

/* A root whose memory was asked for just before. */
static uint64_t alloc_ticks(const struct turns *turns, const struct poll *poll)
{
	const struct poll *last = poll - 1;

	return turns->poll_count > 0 && last->role == ROLE_ALLOC && last->object == poll->object &&
		       poll->object != 0 && poll->parent == NOBODY
		   ? last->end_tick - last->tick
		   : 0;
}

static bool poll_begin(struct turns *turns, size_t at, uint64_t tick, uint64_t word)
{
	struct poll *poll = &turns->polls[turns->poll_count];

	if (turns->poll_count == HISTORY_POLLS)
		return false;
	poll->tick = tick;
	poll->object = trace_word_object(word);
	poll->site = engine_site(turns->e, word);
	poll->role = turns->e->roles[poll->site];
	poll->first = (uint32_t)at;
	poll->parent = poll->child = NOBODY;
	poll->root = (uint16_t)turns->poll_count;
	poll->length = poll->role == ROLE_ROOT;
	poll->engines = poll->role > ROLE_ALLOC;
	if (poll->role == ROLE_REQUEST) {
		poll->engines = false;
		poll_caused(turns, poll);
	}
	poll->alloc_ticks = alloc_ticks(turns, poll);
	return site_place(turns, poll);
}

/* ---- What happens in an iteration ------------------------------------------------------------ */

enum meaning { NOTHING, OF_THE_ENGINE, NOT_PLAIN };

static enum meaning event_meaning(const engine *e, uint64_t word)
{
	const uint64_t causes = 1ull << TRACE_ASYNC_SEND | 1ull << TRACE_HANDLE_CLOSE;
	const uint64_t breaks = trace_nesting_set | trace_lost_set | 1ull << TIMELINE_RESUME;
	uint32_t code = trace_word_code(word), site = engine_site(e, word);

	if (code < TRACE_EVENT_CODES)
		return breaks >> code & 1		       ? NOT_PLAIN
		       : (causes | trace_mark_set) >> code & 1 ? OF_THE_ENGINE
							       : NOTHING;
	if (!trace_code_is_handle(code))
		return NOT_PLAIN;
	return trace_word_object(word) != 0 && site < e->site_count &&
		       (e->roles[site] == ROLE_EXIT ||
			(e->roles[site] == ROLE_ROOT && !e->makes[site]))
		   ? OF_THE_ENGINE
		   : NOTHING;
}

/* An event inside a callback; false: it is not plain. */
static bool inside_take(struct turns *turns, struct poll *poll, const struct timeline_event *event)
{
	if (trace_code_is_submit(trace_word_code(event->word)))
		return submit_take(turns, poll, event->tick, event->word);
	enum meaning meaning = event_meaning(turns->e, event->word);
	if (meaning == OF_THE_ENGINE)
		turns->polls[poll->root].engines = true;
	return meaning != NOT_PLAIN;
}

/* From the begin of a poll to its end; returns where that is, or 0: it is not plain. */
static size_t poll_walk(struct turns *turns, const struct timeline_turn *turn, size_t at)
{
	const struct timeline_event *list = turn->list;

	if (!poll_begin(turns, at, list[at].tick, list[at].word))
		return 0;
	struct poll *poll = &turns->polls[turns->poll_count];
	for (at++; at < turn->count && list[at].word != TRACE_POLL_END; at++) {
		if (!inside_take(turns, poll, &list[at]))
			return 0;
	}
	if (at == turn->count)
		return 0;
	poll->end_tick = list[at].tick;
	poll->last = (uint32_t)at;
	turns->poll_count++;
	return at;
}

bool turn_walk(struct turns *turns, const struct timeline_turn *turn)
{
	turns->begin_tick = turn->list[0].tick;
	turns->poll_count = turns->site_count = turns->submit_count = 0;
	turns->number++;
	for (size_t i = 1; i < turn->count; i++) {
		if (trace_word_is_poll(turn->list[i].word)) {
			i = poll_walk(turns, turn, i);
			if (i == 0)
				return false;
		} else if (event_meaning(turns->e, turn->list[i].word) != NOTHING) {
			return false;
		}
	}
	return turns->poll_count > 0;
}
