/* SPDX-License-Identifier: Apache-2.0
 *
 * See baseline_entries.h.
 */
#include "baseline_entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/transaction_text.h"

/* ---- Callbacks ------------------------------------------------------------------------------- */

static int callbacks_add(const struct timeline *timeline, struct symbols *symbols, size_t more,
			 struct baseline_entries *entries)
{
	size_t count;
	struct report_row *rows = report_rows(timeline, &count);

	entries->list = rows ? calloc(count + more + 1, sizeof(*entries->list)) : NULL;
	for (size_t i = 0; entries->list && i < count; i++) {
		const struct symbol_info *site = symbols_site(symbols, rows[i].site, false);
		entries->list[entries->count++] = (struct baseline_entry){
		    .timeline = timeline,
		    .kind = report_kind(timeline, rows[i].site),
		    .root_kind = report_kind(timeline, rows[i].site),
		    .name = site->name,
		    .module = site->module,
		    .text = site->text,
		    .in_pool = rows[i].in_pool,
		    .durations = rows[i].durations,
		};
	}
	free(rows);
	return entries->list ? 0 : -ENOMEM;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

/* What follows the root, with the callbacks or their kinds alone. */
static void print_steps(const struct timeline *timeline, struct symbols *symbols,
			const struct transaction_signature *signature, bool names, FILE *out)
{
	for (size_t i = 1; i < signature->site_count; i++) {
		uint32_t site = signature->sites[i];
		fprintf(out, " > %s%s%s", report_kind(timeline, site), names ? " " : "",
			names ? symbols_site(symbols, site, false)->name : "");
	}
}

/* NULL: no memory. */
static const char *text_make(struct baseline_entries *entries, const struct timeline *timeline,
			     struct symbols *symbols, const struct transaction_signature *signature,
			     bool names, bool all)
{
	uint32_t root = *signature->sites;
	struct line line;

	if (!line_begin(&line))
		return NULL;
	fprintf(line.out, "%s %s", report_kind(timeline, root),
		symbols_site(symbols, root, false)->name);
	if (all)
		fputs(" > *", line.out);
	else
		print_steps(timeline, symbols, signature, names, line.out);
	char *text = line_end(&line);
	if (text)
		entries->texts[entries->text_count++] = text;
	return text;
}

static struct baseline_entry *entry_add(struct baseline_entries *entries,
					const struct timeline *timeline, struct symbols *symbols,
					const struct transaction_signature *signature, bool all)
{
	const struct symbol_info *root = symbols_site(symbols, *signature->sites, false);
	const char *name = text_make(entries, timeline, symbols, signature, true, all),
		   *told = text_make(entries, timeline, symbols, signature, false, all);

	if (!name || !told)
		return NULL;
	struct baseline_entry *entry = &entries->list[entries->count++];
	*entry = (struct baseline_entry){.timeline = timeline,
					 .kind = "transaction",
					 .root_kind = report_kind(timeline, *signature->sites),
					 .name = name,
					 .module = root->module,
					 .text = root->text,
					 .signature = told,
					 .durations = &signature->ticks};
	return entry;
}

static struct baseline_entry *entry_find(struct baseline_entries *entries, size_t from,
					 const char *name)
{
	for (size_t i = from; i < entries->count; i++) {
		if (strcmp(entries->list[i].name, name) == 0)
			return &entries->list[i];
	}
	return NULL;
}

/* Those of one root together; signatures of which all names are the same, too. */
static int merge_into(struct baseline_entries *entries, struct baseline_entry *into,
		      const struct histogram *durations)
{
	struct histogram *merged = (struct histogram *)into->durations;

	if (merged < entries->merged || merged >= entries->merged + entries->merged_count) {
		merged = &entries->merged[entries->merged_count++];
		histogram_merge(merged, into->durations);
		into->durations = merged;
	}
	histogram_merge(merged, durations);
	return 0;
}

static int transactions_add(const struct timeline *timeline, struct symbols *symbols,
			    const struct transactions *transactions,
			    struct baseline_entries *entries)
{
	size_t first = entries->count;

	for (size_t i = 0; i < transactions->signature_count; i++) {
		const struct transaction_signature *signature = &transactions->signatures[i];
		if (signature->site_count == 0 || signature->count == 0)
			continue;
		for (int all = 0; all < 2; all++) {
			struct baseline_entry *entry =
			    entry_add(entries, timeline, symbols, signature, all);
			if (!entry)
				return -ENOMEM;
			struct baseline_entry *same = entry_find(entries, first, entry->name);
			if (all && same == entry)
				entry->only = entry - 1;
			if (same == entry)
				continue;
			merge_into(entries, same, &signature->ticks);
			same->only = NULL;
			entries->count--;
		}
	}
	return 0;
}

/* ---- Both ------------------------------------------------------------------------------------ */

int baseline_entries_make(const struct timeline *timeline, const struct transactions *transactions,
			  struct symbols *symbols, struct baseline_entries *entries)
{
	size_t more = transactions ? 2 * transactions->signature_count : 0;

	*entries = (struct baseline_entries){.texts = calloc(2 * more + 1, sizeof(char *)),
					     .merged = calloc(more + 1, sizeof(struct histogram))};
	if (!entries->texts || !entries->merged ||
	    callbacks_add(timeline, symbols, more, entries) < 0)
		return -ENOMEM;
	return transactions ? transactions_add(timeline, symbols, transactions, entries) : 0;
}

void baseline_entries_free(struct baseline_entries *entries)
{
	for (size_t i = 0; i < entries->text_count; i++)
		free(entries->texts[i]);
	for (size_t i = 0; i < entries->merged_count; i++)
		histogram_clear(&entries->merged[i]);
	free(entries->texts);
	free(entries->merged);
	free(entries->list);
	*entries = (struct baseline_entries){0};
}
