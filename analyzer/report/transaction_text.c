/* SPDX-License-Identifier: Apache-2.0
 *
 * See transaction_text.h.
 */
#include "transaction_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/durations.h"
#include "base/report_table.h"

#define KINDS_SHOWN 12	/* of a signature */
#define SHARE_LEAST 0.1 /* of the time, to be in a sentence */
#define SHARES_MOST 3

/* ---- Names ----------------------------------------------------------------------------------- */

const char *transaction_callback(const struct report *report, uint32_t site)
{
	const struct symbol_info *script = report_site_script(report, site, false);

	return script ? script->text : symbols_site(report->symbols, site, false)->text;
}

const char *transaction_function(const struct report *report, uint32_t site)
{
	const struct symbol_info *script = report_site_script(report, site, false);

	return script ? script->name : symbols_site(report->symbols, site, false)->name;
}

const char *transaction_kind(const struct report *report, uint32_t site)
{
	const char *kind = report_kind(report->timeline, site);

	return strcmp(kind, "after_work") == 0 ? "work" : kind;
}

void transaction_signature_print(const struct report *report,
				 const struct transaction_signature *signature, FILE *out)
{
	size_t count = signature->site_count;

	for (size_t i = 0; i < count && i < KINDS_SHOWN; i++) {
		fprintf(out, "%s%s", i ? " > " : "", transaction_kind(report, signature->sites[i]));
		if (i == 0)
			fprintf(out, " %s", transaction_callback(report, signature->sites[i]));
	}
	if (count > KINDS_SHOWN)
		fprintf(out, " > ... %zu more", count - KINDS_SHOWN);
}

static bool root_matches(const char *kind, const char *name, const char *text, size_t length)
{
	size_t words = strlen(kind);

	return length == words + 1 + strlen(name) && strncmp(text, kind, words) == 0 &&
	       text[words] == ' ' && strncmp(text + words + 1, name, strlen(name)) == 0;
}

bool transaction_root_is(const struct report *report, const struct transaction_signature *signature,
			 const char *text, size_t length)
{
	uint32_t site = signature->site_count > 0 ? *signature->sites : UINT32_MAX;
	const char *kind = transaction_kind(report, site);
	const struct symbol_info *callback = symbols_site(report->symbols, site, false),
				 *script = report_site_script(report, site, false);

	return root_matches(kind, callback->name, text, length) ||
	       root_matches(kind, callback->text, text, length) ||
	       (script && (root_matches(kind, script->name, text, length) ||
			   root_matches(kind, script->text, text, length)));
}

/* ---- Where the time went --------------------------------------------------------------------- */

/* With somebody to name (and of what kind that is), and without. */
static const struct {
	const char *before, *alone, *before_short; /* NULL: short ones name nobody */
	bool kind;
} phrases[TRANSACTION_PARTS] = {
    [PART_OWN] = {"in ", "in its own callbacks", NULL, false},
    [PART_BEHIND] = {"behind ", "behind the loop itself", "behind ", false},
    [PART_POOL_WAIT] = {"waiting for the pool behind ", "waiting for the pool", "pool: behind ",
			true},
    [PART_POOL_RUN] = {"in the pool's work for ", "in work on the pool", NULL, true},
    [PART_EXTERNAL] = {"outside, until ", "outside the program", NULL, true},
    [PART_KERNEL] = {"woken late for ", "woken late", NULL, false},
};

static bool site_is_known(const struct report *report, uint32_t site)
{
	return site < report->timeline->process->site_count;
}

static void item_print_short(const struct report *report, const struct transaction_item *item,
			     FILE *out)
{
	const char *before = phrases[item->part].before_short;

	if (site_is_known(report, item->site) && before)
		fprintf(out, "%s%s", before, transaction_function(report, item->site));
	else
		fputs(phrases[item->part].alone, out);
}

void transaction_item_print(const struct report *report, const struct transaction_item *item,
			    bool is_short, FILE *out)
{
	if (is_short) {
		item_print_short(report, item, out);
		return;
	}
	if (!site_is_known(report, item->site)) {
		fputs(phrases[item->part].alone, out);
		return;
	}
	fprintf(out, "%s%s", phrases[item->part].before, transaction_callback(report, item->site));
	if (phrases[item->part].kind)
		fprintf(out, " (%s)", transaction_kind(report, item->site));
}

static uint64_t whole_ticks(double ticks)
{
	return ticks >= 0x1p63 ? INT64_MAX : ticks > 0 ? (uint64_t)ticks : 0;
}

void transaction_where_print(const struct report *report, const struct transaction_items *items,
			     FILE *out)
{
	char text[DURATION_TEXT_BYTES];

	fputs(duration_format(timeline_ns(report->timeline, whole_ticks(items->ticks)), text), out);
	for (size_t i = 0; i < items->count && i < SHARES_MOST; i++) {
		const struct transaction_item *item = &items->list[i];
		if (item->ticks < SHARE_LEAST * items->ticks)
			break;
		fprintf(out, ", %.0f%% ", 100 * item->ticks / items->ticks);
		transaction_item_print(report, item, false, out);
	}
}

void transaction_tail_print(const struct transaction_signature *signature, FILE *out)
{
	fprintf(out, "the slowest 1%% (%" PRIu64 " of %" PRIu64 ")", signature->tail.count,
		signature->count);
}

void transaction_cuts_print(const struct transactions *transactions, FILE *out)
{
	const char *before = "";

	for (size_t i = 0; i < TRANSACTION_CUTS; i++) {
		if (transactions->cut[i] == 0)
			continue;
		fprintf(out, "%s%" PRIu64 " (%s)", before, transactions->cut[i],
			transaction_cut_words[i]);
		before = ", ";
	}
}
