/* SPDX-License-Identifier: Apache-2.0
 *
 * See transaction_items.h.
 */
#include "transaction_items.h"

#include <stdlib.h>

#include "trace/same_callback.h"

static void item_add(const struct trace_process *process, struct transaction_items *items,
		     enum transaction_part part, uint32_t site, double ticks)
{
	size_t at = 0;

	while (at < items->count && (items->list[at].part != part ||
				     !sites_share_callback(process, items->list[at].site, site)))
		at++;
	if (ticks <= 0)
		return;
	if (at == items->count)
		items->list[items->count++] = (struct transaction_item){part, site, 0};
	items->list[at].ticks += ticks;
}

static int compare_longest_first(const void *a, const void *b)
{
	const struct transaction_item *x = a, *y = b;

	if (x->ticks != y->ticks)
		return x->ticks > y->ticks ? -1 : 1;
	if (x->part != y->part)
		return x->part < y->part ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

static void items_sort(struct transaction_items *items)
{
	if (items->count > 1)
		qsort(items->list, items->count, sizeof(*items->list), compare_longest_first);
}

/* What is not named of a part, or of sites that are not kept, is nobody's. */
void transaction_items_make(const struct trace_process *process,
			    const struct transaction_share *share, struct transaction_items *items)
{
	uint32_t nobody = (uint32_t)process->site_count;
	double count = share->count ? (double)share->count : 1;

	*items = (struct transaction_items){.ticks = (double)share->ticks / count};
	for (size_t part = 0; part < TRANSACTION_PARTS; part++) {
		const struct transaction_behind *names = part == PART_BEHIND	  ? share->behind_by
							 : part == PART_POOL_WAIT ? share->busy_by
										  : NULL;
		double rest = (double)share->parts[part];
		for (size_t i = 0; names && i < TRANSACTION_SHARE_NAMES; i++) {
			item_add(process, items, (enum transaction_part)part, names[i].site,
				 (double)names[i].ticks / count);
			rest -= (double)names[i].ticks;
		}
		item_add(process, items, (enum transaction_part)part, nobody, rest / count);
	}
	items_sort(items);
}

double transaction_items_ticks(const struct trace_process *process,
			       const struct transaction_items *items,
			       const struct transaction_item *like)
{
	for (size_t i = 0; i < items->count; i++) {
		if (items->list[i].part == like->part &&
		    sites_share_callback(process, items->list[i].site, like->site))
			return items->list[i].ticks;
	}
	return 0;
}

void transaction_items_subtract(const struct trace_process *process, struct transaction_items *tail,
				const struct transaction_items *median)
{
	size_t kept = 0;

	tail->ticks -= median->ticks;
	for (size_t i = 0; i < tail->count; i++) {
		struct transaction_item item = tail->list[i];
		item.ticks -= transaction_items_ticks(process, median, &item);
		if (item.ticks > 0)
			tail->list[kept++] = item;
	}
	tail->count = kept;
	items_sort(tail);
}
