/* SPDX-License-Identifier: Apache-2.0
 *
 * See turns.h. A transaction is taken here if it is a root alone, or a chain of requests without
 * the pool, each submitted by the callback before it and all run in one iteration; if it takes less
 * than `quiet_ticks`, and less than the slowest of its signature that this thread has left to the
 * engine. All else in the iteration goes to the engine as it is.
 *
 * Rules: what is added up is what the engine would have added (path.c, measure.c), to the tick.
 * What the engine must know for what comes later goes to it in brief: which callbacks the loop ran,
 * and which requests were submitted. An iteration that is not plain (callbacks in callbacks, more
 * of them or more sites than the engine's tables name) is the engine's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "turns.h"

#define NAMED 16 /* as measure.c: less than this part of a wait is not named */

/* ---- Making ---------------------------------------------------------------------------------- */

bool turns_wanted(const engine *e)
{
	return (!e->options.over || e->options.quiet_ticks > 0) && e->options.id == 0 &&
	       e->options.keep <= FLOORS_MAX && e->from_tick == 0 && e->to_tick == UINT64_MAX &&
	       e->worker_asked == 0 && e->off_tick == UINT64_MAX && e->process->lost == 0 &&
	       e->process->missing == 0 && !(e->next && e->next->events);
}

static void turns_free(struct turns *turns)
{
	free(turns->single);
	free(turns->newest);
	free(turns);
}

void *turns_make(engine *e)
{
	struct turns *turns = calloc(1, sizeof(*turns));

	if (!turns)
		return NULL;
	turns->e = e;
	turns->quiet_ticks = e->options.over ? e->options.quiet_ticks : UINT64_MAX;
	turns->floors =
	    e->options.keep > TRANSACTION_SLOWEST ? e->options.keep : TRANSACTION_SLOWEST;
	turns->single = calloc(e->site_count + 1, sizeof(struct chain *));
	turns->newest = calloc(e->site_count + 1, sizeof(struct chain *));
	if (turns->single && turns->newest)
		return turns;
	turns_free(turns);
	return NULL;
}

/* ---- Chains ---------------------------------------------------------------------------------- */

static struct chain *chain_make(const uint32_t *sites, uint32_t count)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return NULL;
	memcpy(chain->sites, sites, count * sizeof(*sites));
	chain->count = count;
	return chain;
}

/* NULL: there are too many different ones, or no memory. */
static struct chain *chain_find(struct turns *turns, const uint32_t *sites, uint32_t count)
{
	uint64_t hash = count;

	for (uint32_t i = 0; i < count; i++)
		hash = (hash ^ sites[i]) * 0x9e3779b97f4a7c15ull;
	for (size_t at = hash >> 32 & (CHAINS - 1);; at = (at + 1) & (CHAINS - 1)) {
		struct chain *chain = turns->chains[at];
		if (!chain && turns->chain_count == CHAINS / 2)
			return NULL;
		if (!chain && (chain = turns->chains[at] = chain_make(sites, count)))
			turns->chain_count++;
		if (!chain ||
		    (chain->count == count && !memcmp(chain->sites, sites, count * sizeof(*sites))))
			return chain;
	}
}

static bool chain_is(const struct turns *turns, const struct chain *chain, uint16_t last)
{
	if (!chain || chain->count != turns->polls[last].length)
		return false;
	for (uint32_t i = chain->count; i > 0; last = turns->polls[last].parent) {
		if (chain->sites[--i] != turns->polls[last].site)
			return false;
	}
	return true;
}

static struct chain *chain_of(struct turns *turns, uint16_t last)
{
	const struct poll *polls = turns->polls;
	uint32_t sites[CHAIN_MAX], length = polls[last].length;

	if (length == 1) {
		struct chain **single = &turns->single[polls[last].site];
		if (!*single)
			*single = chain_make(&polls[last].site, 1);
		return *single;
	}
	struct chain **newest = &turns->newest[polls[polls[last].root].site];
	if (chain_is(turns, *newest, last))
		return *newest;
	for (uint32_t i = length; i > 0; last = polls[last].parent)
		sites[--i] = polls[last].site;
	return *newest = chain_find(turns, sites, length);
}

/* One of the slowest goes to the engine. */
static void floor_add(struct chain *chain, uint32_t most, uint64_t ticks)
{
	uint32_t at = 0;

	if (chain->floor_count < most) {
		at = chain->floor_count++;
		for (; at > 0 && chain->floors[(at - 1) / 2] > ticks; at = (at - 1) / 2)
			chain->floors[at] = chain->floors[(at - 1) / 2];
		chain->floors[at] = ticks;
		return;
	}
	for (uint32_t next = 1; next < most; next = at * 2 + 1) {
		next += next + 1 < most && chain->floors[next + 1] < chain->floors[next];
		if (chain->floors[next] >= ticks)
			break;
		chain->floors[at] = chain->floors[next];
		at = next;
	}
	chain->floors[at] = ticks;
}

/* ---- Whose each is --------------------------------------------------------------------------- */

/* The transaction that ends with this poll. */
static void end_judge(struct turns *turns, uint16_t at)
{
	struct poll *poll = &turns->polls[at], *root = &turns->polls[poll->root];

	if (poll->child == at)
		root->engines = true;
	if (root->engines || poll->length == 0)
		return;
	uint64_t ticks = poll->end_tick - turns->begin_tick;
	root->chain = chain_of(turns, at);
	if (!root->chain) {
		root->engines = true;
	} else if (root->chain->floor_count < turns->floors || ticks >= root->chain->floors[0]) {
		floor_add(root->chain, turns->floors, ticks);
		root->engines = true;
	}
}

static void turn_judge(struct turns *turns)
{
	for (uint16_t i = 0; i < turns->poll_count; i++) {
		struct poll *poll = &turns->polls[i];
		if (poll->child == NOBODY || poll->child == i)
			end_judge(turns, i);
	}
	/* The engine takes it as time of the root that follows. */
	for (uint32_t i = 0; i + 1 < turns->poll_count; i++) {
		struct poll *poll = &turns->polls[i];
		if (poll->role == ROLE_ALLOC && turns->polls[poll[1].root].engines)
			poll->engines = true;
	}
}

/* ---- Adding up ------------------------------------------------------------------------------- */

/* Whom a step waited for: what ran since `from` (NULL: in all of the iteration). At most so many
 * keep their name, the longest. */
static int names_add_since(const struct turns *turns, struct spread_names *to, const uint64_t *from,
			   uint32_t most)
{
	struct transaction_behind names[TURN_SITES];
	uint32_t count = 0;
	int error = 0;

	for (uint32_t i = 0; i < turns->site_count; i++) {
		uint64_t ticks = turns->sums[i] - (from ? from[i] : 0);
		if (ticks > 0)
			names[count++] = (struct transaction_behind){turns->sites[i], ticks};
	}
	if (count > most)
		names_sort(names, count);
	for (uint32_t i = 0; error == 0 && i < count && i < most; i++)
		error = spread_name(to, names[i].site, names[i].ticks);
	return error;
}

static int root_add(struct turns *turns, struct poll *poll)
{
	bool alone = poll->child == NOBODY;
	const struct poll *last = poll;

	while (last->child != NOBODY)
		last = &turns->polls[last->child];
	uint64_t wait = poll->tick - turns->begin_tick, behind = wait - poll->alloc_ticks;
	struct spread_bucket *bucket = poll->bucket =
	    spread_add(&poll->chain->spread, last->end_tick - turns->begin_tick);
	if (!bucket)
		return -ENOMEM;
	bucket->parts[PART_BEHIND] += behind;
	bucket->parts[PART_OWN] += poll->end_tick - poll->tick + poll->alloc_ticks;
	if (behind <= (alone ? poll->end_tick - turns->begin_tick : wait) / NAMED)
		return 0;
	return names_add_since(turns, &bucket->behind, NULL,
			       alone ? TURN_SITES : TRANSACTION_STEP_NAMES);
}

static int child_add(const struct turns *turns, const struct poll *poll)
{
	const struct poll *parent = &turns->polls[poll->parent];
	struct spread_bucket *bucket = turns->polls[poll->root].bucket;
	uint64_t behind = poll->tick - parent->end_tick;

	if (!bucket)
		return -ENOMEM;
	bucket->parts[PART_BEHIND] += behind;
	bucket->parts[PART_OWN] += poll->end_tick - poll->tick;
	if (poll == parent + 1 || behind <= (poll->tick - parent->caused_tick) / NAMED)
		return 0;
	return names_add_since(turns, &bucket->behind, turns->after[poll->parent],
			       TRANSACTION_STEP_NAMES);
}

/* Adds it up, if it is taken here, and has what the engine must know of it take its place. */
static struct timeline_event *poll_tell(struct turns *turns, uint16_t at,
					const struct timeline_event *list,
					struct timeline_event *to)
{
	struct poll *poll = &turns->polls[at];

	if (turns->polls[poll->root].engines) {
		size_t count = poll->last - poll->first + 1;
		memmove(to, list + poll->first, count * sizeof(*to));
		return to + count;
	}
	if (poll->length > 0 &&
	    (poll->parent == NOBODY ? root_add(turns, poll) : child_add(turns, poll)) < 0)
		turns->error = -ENOMEM;
	*to++ = (struct timeline_event){poll->tick,
					turn_brief_word(poll->end_tick - poll->tick, poll->site)};
	if (poll->child != NOBODY)
		*to++ = (struct timeline_event){
		    poll->caused_tick, trace_word(turns->polls[poll->child].object, TURN_PASS)};
	return to;
}

/* Is there something in it that the engine must tell? */
static bool is_telling(const struct turns *turns, const struct timeline_turn *turn)
{
	uint64_t begin = turn->list[0].tick, ticks = turn->list[turn->count - 1].tick - begin;

	return ticks >= turns->quiet_ticks || ticks >= TURN_TICKS_MAX || turn->before_tick == 0 ||
	       before_counts(turns->e, turn->before_tick, turn->wait_tick, begin);
}

size_t turns_take(void *arg, const struct timeline_turn *turn)
{
	struct turns *turns = arg;
	struct timeline_event *to = turn->list + 1;

	if (is_telling(turns, turn) || !turn_walk(turns, turn))
		return turn->count;
	turn_judge(turns);
	for (uint32_t i = 0; i < turns->site_count; i++)
		turns->sums[i] = 0;
	for (uint16_t i = 0; i < turns->poll_count; i++) {
		const struct poll *poll = &turns->polls[i];
		to = poll_tell(turns, i, turn->list, to);
		turns->sums[poll->place] += poll->end_tick - poll->tick;
		if (poll->child != NOBODY && poll->child != i + 1)
			memcpy(turns->after[i], turns->sums, sizeof(turns->sums));
	}
	return (size_t)(to - turn->list);
}

/* ---- Merging --------------------------------------------------------------------------------- */

static void chain_merge(engine *e, struct chain *chain)
{
	struct folding folding = {.count = 0};
	uint64_t count = chain->spread.ticks.count;

	if (count > 0) {
		for (uint32_t i = 0; i < chain->count; i++)
			fold_add(&folding, chain->sites[i]);
		struct signature *signature = statistics_signature(e, &folding);
		if (!signature)
			e->unsigned_count += count;
		else if (spread_merge(&signature->spread, &chain->spread) < 0)
			e->error = -ENOMEM;
		e->count += count;
	}
	spread_clear(&chain->spread);
	free(chain);
}

void turns_merge(engine *e, void *arg)
{
	struct turns *turns = arg;

	if (turns->error < 0)
		e->error = turns->error;
	for (uint32_t i = 0; i <= e->site_count; i++) {
		if (turns->single[i])
			chain_merge(e, turns->single[i]);
	}
	for (uint32_t i = 0; i < CHAINS; i++) {
		if (turns->chains[i])
			chain_merge(e, turns->chains[i]);
	}
	turns_free(turns);
}
