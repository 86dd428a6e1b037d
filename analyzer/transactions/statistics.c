/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions added up by signature: how many, how long, and what the middle and the slowest of
 * them spent their time on.
 *
 * Rules: bounded memory: for each signature sums by duration, four buckets an octave, and its
 * slowest ones. The tail is exact as long as it is among these; else it is the buckets that hold
 * it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transactions_internal.h"

/* ---- Signatures ------------------------------------------------------------------------------ */

int statistics_open(engine *e)
{
	struct statistics *statistics = &e->statistics;

	statistics->slots = SIGNATURES_MAX * 2;
	statistics->by_hash = calloc(statistics->slots, sizeof(*statistics->by_hash));
	statistics->list = calloc(SIGNATURES_MAX, sizeof(struct signature *));
	statistics->single = calloc(e->site_count + 1, sizeof(struct signature *));
	statistics->cut_by_root = calloc(e->site_count + 1, sizeof(*statistics->cut_by_root));
	return statistics->by_hash && statistics->list && statistics->single &&
		       statistics->cut_by_root
		   ? 0
		   : -ENOMEM;
}

void statistics_close(engine *e)
{
	struct statistics *statistics = &e->statistics;

	for (size_t i = 0; i < statistics->count; i++) {
		histogram_clear(&statistics->list[i]->facts.ticks);
		free(statistics->list[i]->facts.sites);
		spread_clear(&statistics->list[i]->spread);
		free(statistics->list[i]);
	}
	free(statistics->list);
	free(statistics->by_hash);
	free(statistics->single);
	free(statistics->cut_by_root);
}

static struct signature *signature_make(engine *e, const struct folding *folding, uint64_t hash)
{
	struct signature *signature = calloc(1, sizeof(*signature));
	uint32_t *sites = calloc(folding->count, sizeof(*sites));

	if (!signature || !sites) {
		e->error = -ENOMEM;
		free(signature);
		free(sites);
		return NULL;
	}
	memcpy(sites, folding->sites, folding->count * sizeof(*sites));
	signature->facts.sites = sites;
	signature->facts.site_count = folding->count;
	signature->facts.hash = hash;
	return signature;
}

struct signature *statistics_signature(engine *e, const struct folding *folding)
{
	struct statistics *statistics = &e->statistics;
	uint64_t hash = fold_hash(folding);
	size_t at = hash & (statistics->slots - 1);

	for (; statistics->by_hash[at] != 0; at = (at + 1) & (statistics->slots - 1)) {
		struct signature *found = statistics->list[statistics->by_hash[at] - 1];
		if (found->facts.hash == hash)
			return found;
	}
	if (statistics->count == SIGNATURES_MAX)
		return NULL;
	struct signature *signature = signature_make(e, folding, hash);
	if (!signature)
		return NULL;
	statistics->list[statistics->count++] = signature;
	statistics->by_hash[at] = (uint32_t)statistics->count;
	return signature;
}

struct signature *statistics_single(engine *e, uint32_t site)
{
	struct folding folding = {.sites = {site}, .count = 1};
	struct signature **single = &e->statistics.single[site];

	if (!*single)
		*single = statistics_signature(e, &folding);
	return *single;
}

/* ---- Adding ---------------------------------------------------------------------------------- */

/* What takes no time is no name. */
static void names_copy(struct transaction_behind *to, const struct transaction_behind *names,
		       uint32_t count)
{
	for (uint32_t i = 0; i < count && names[i].ticks > 0; i++)
		to[i] = names[i];
}

bool slowest_wants(const struct signature *signature, uint64_t ticks)
{
	return signature && (signature->slow_count < TRANSACTION_SLOWEST ||
			     ticks > signature->slow[signature->slow_count - 1].brief.ticks);
}

static void slowest_add(struct signature *signature, const struct transaction *transaction,
			uint64_t ticks, const struct added_names *names)
{
	size_t at = signature->slow_count;
	struct slow slow = {.brief = {.id = transaction->id,
				      .begin_tick = transaction->begin_tick,
				      .ticks = ticks}};

	memcpy(slow.brief.parts, transaction->parts, sizeof(slow.brief.parts));
	names_copy(slow.behind, names->behind, names->behind_count);
	names_copy(slow.busy, names->busy, names->busy_count);
	if (at < TRANSACTION_SLOWEST)
		signature->slow_count++;
	else
		at--;
	for (; at > 0 && signature->slow[at - 1].brief.ticks < ticks; at--)
		signature->slow[at] = signature->slow[at - 1];
	signature->slow[at] = slow;
}

static int names_add_all(struct spread_names *to, const struct transaction_behind *names,
			 uint32_t count)
{
	int error = 0;

	for (uint32_t i = 0; error == 0 && i < count && names[i].ticks > 0; i++)
		error = spread_name(to, names[i].site, names[i].ticks);
	return error;
}

static int bucket_add(struct spread_bucket *bucket, const uint64_t *parts,
		      const struct added_names *names)
{
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		bucket->parts[i] += parts[i];
	if (names_add_all(&bucket->behind, names->behind, names->behind_count) < 0)
		return -ENOMEM;
	return names_add_all(&bucket->busy, names->busy, names->busy_count);
}

void statistics_add(engine *e, struct signature *signature, const struct transaction *transaction,
		    const struct added_names *names)
{
	uint64_t ticks = transaction->end_tick - transaction->begin_tick;

	e->count++;
	if (!signature) {
		e->unsigned_count++;
		return;
	}
	struct spread_bucket *bucket = spread_add(&signature->spread, ticks);
	if (!bucket || bucket_add(bucket, transaction->parts, names) < 0) {
		e->error = -ENOMEM;
		return;
	}
	if (slowest_wants(signature, ticks))
		slowest_add(signature, transaction, ticks, names);
}

/* ---- The slowest of all, with their steps ---------------------------------------------------- */

bool kept_wants(const engine *e, uint64_t ticks)
{
	const struct kept *kept = &e->kept;

	if (kept->count < kept->max)
		return true;
	return kept->max > 0 && ticks > kept->list[kept->count - 1].end_tick -
					    kept->list[kept->count - 1].begin_tick;
}

static bool transaction_copy(engine *e, struct transaction *to, const struct transaction *from)
{
	size_t bytes = from->step_count * sizeof(*from->steps);
	struct transaction_step *steps = malloc(bytes ? bytes : 1);

	if (!steps) {
		e->error = -ENOMEM;
		return false;
	}
	memcpy(steps, from->steps, bytes);
	*to = *from;
	to->steps = steps;
	return true;
}

void kept_add(engine *e, const struct transaction *transaction)
{
	struct kept *kept = &e->kept;
	struct transaction copy;
	uint64_t ticks = transaction->end_tick - transaction->begin_tick;
	size_t at = kept->count;

	if (!transaction_copy(e, &copy, transaction))
		return;
	if (at == kept->max)
		free((void *)kept->list[--at].steps);
	else
		kept->count++;
	for (; at > 0 && kept->list[at - 1].end_tick - kept->list[at - 1].begin_tick < ticks; at--)
		kept->list[at] = kept->list[at - 1];
	kept->list[at] = copy;
}

void asked_keep(engine *e, const struct transaction *transaction)
{
	if (!e->asked.steps)
		transaction_copy(e, &e->asked, transaction);
}

/* ---- At the end ------------------------------------------------------------------------------ */

static int tail_join(const struct signature *signature, uint64_t wanted, struct spread_bucket *tail)
{
	int error = 0;

	if (wanted <= signature->slow_count) {
		for (uint64_t i = 0; error == 0 && i < wanted; i++) {
			const struct slow *slow = &signature->slow[i];
			struct added_names names = {slow->behind, TRANSACTION_SHARE_NAMES,
						    slow->busy, TRANSACTION_SHARE_NAMES};
			tail->count++;
			tail->ticks += slow->brief.ticks;
			error = bucket_add(tail, slow->brief.parts, &names);
		}
		return error;
	}
	for (size_t i = SPREAD_BUCKETS; error == 0 && i-- > 0 && tail->count < wanted;) {
		if (signature->spread.buckets[i])
			error = spread_bucket_join(tail, signature->spread.buckets[i]);
	}
	return error;
}

static int median_and_all(struct signature *signature, struct spread_bucket *all)
{
	struct transaction_signature *facts = &signature->facts;
	uint64_t seen = 0;

	for (size_t i = 0; i < SPREAD_BUCKETS; i++) {
		struct spread_bucket *bucket = signature->spread.buckets[i];
		if (!bucket)
			continue;
		if (spread_bucket_join(all, bucket) < 0)
			return -ENOMEM;
		bool before = seen * 2 < facts->count;
		seen += bucket->count;
		if (before && seen * 2 >= facts->count)
			spread_tell(bucket, &facts->median);
	}
	return 0;
}

static int signature_finish(struct signature *signature)
{
	struct transaction_signature *facts = &signature->facts;
	struct spread_bucket all = {0}, tail = {0};

	facts->ticks = signature->spread.ticks;
	signature->spread.ticks = (struct histogram){0};
	facts->count = facts->ticks.count;
	int error = median_and_all(signature, &all);
	if (error == 0)
		error = tail_join(signature, (facts->count + 99) / 100, &tail);
	spread_tell(&all, &facts->all);
	spread_tell(&tail, &facts->tail);
	spread_bucket_clear(&all);
	spread_bucket_clear(&tail);
	facts->slowest_count = signature->slow_count;
	for (size_t i = 0; i < signature->slow_count; i++)
		facts->slowest[i] = signature->slow[i].brief;
	return error;
}

static int compare_longer_first(const void *a, const void *b)
{
	const struct transaction_signature *x = a, *y = b;

	if (x->all.ticks != y->all.ticks)
		return x->all.ticks > y->all.ticks ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

int statistics_finish(engine *e, struct transactions *result)
{
	struct statistics *statistics = &e->statistics;
	struct transaction_signature *list = calloc(statistics->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < statistics->count; i++) {
		if (signature_finish(statistics->list[i]) < 0) {
			free(list);
			return -ENOMEM;
		}
		list[i] = statistics->list[i]->facts;
	}
	if (statistics->count > 1)
		qsort(list, statistics->count, sizeof(*list), compare_longer_first);
	for (size_t i = 0; i < statistics->count; i++) {
		uint64_t *cut = &statistics->cut_by_root[list[i].sites[0]];
		list[i].cut = *cut;
		*cut = 0;
	}
	result->signatures = list;
	result->signature_count = statistics->count;
	return 0;
}
