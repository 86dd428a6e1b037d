/* SPDX-License-Identifier: Apache-2.0
 *
 * See profile_rows.h.
 */
#include "profile_rows.h"

#include <stdlib.h>
#include <string.h>

const char *profile_frame_name(const struct report *report, const struct stack_frame *frame)
{
	return frame->script ? symbols_script(report->symbols, frame->script, true)->text
			     : frame->symbol->name;
}

/* The program's own function that it was in; where there is none, the runtime at work for itself,
 * else the innermost function of any. */
static const char *function_of(const struct report *report, const struct stall *sample)
{
	if (sample->script.user)
		return profile_frame_name(report, sample->script.user);
	if (sample->script.reason != REASON_NONE)
		return "(the runtime)";
	if (sample->in.own)
		return sample->in.own->name;
	return sample->frame_count > 0 ? profile_frame_name(report, &sample->frames[0])
				       : "(unknown)";
}

static struct profile_row row_of(const struct report *report, const struct stall *sample)
{
	bool is_known = sample->site < report->timeline->process->site_count;

	return (struct profile_row){
	    .function = function_of(report, sample),
	    .kind = is_known ? report_kind(report->timeline, sample->site) : "(unknown)",
	    .reason = sample->script.reason,
	    .samples = 1,
	    .ticks = sample->ticks,
	};
}

static int compare_names(const void *left, const void *right)
{
	const struct profile_row *a = left, *b = right;
	int order = strcmp(a->function, b->function);

	order = order ? order : strcmp(a->kind, b->kind);
	return order ? order : (int)a->reason - (int)b->reason;
}

static int compare_times(const void *left, const void *right)
{
	const struct profile_row *a = left, *b = right;

	if (a->ticks != b->ticks)
		return a->ticks > b->ticks ? -1 : 1;
	return compare_names(left, right);
}

struct profile_row *profile_rows(const struct report *report, size_t *count)
{
	const struct stalls *profile = report->profile;
	struct profile_row *rows = calloc(profile->count + 1, sizeof(*rows));
	size_t kept = 0;

	*count = 0;
	if (!rows)
		return NULL;
	for (size_t i = 0; i < profile->count; i++)
		rows[i] = row_of(report, &profile->list[i]);
	if (profile->count > 1)
		qsort(rows, profile->count, sizeof(*rows), compare_names);
	for (size_t i = 0; i < profile->count; i++) {
		if (kept > 0 && compare_names(&rows[kept - 1], &rows[i]) == 0) {
			rows[kept - 1].samples++;
			rows[kept - 1].ticks += rows[i].ticks;
		} else {
			rows[kept++] = rows[i];
		}
	}
	if (kept > 1)
		qsort(rows, kept, sizeof(*rows), compare_times);
	*count = kept;
	return rows;
}

uint64_t profile_ticks(const struct stalls *profile)
{
	uint64_t ticks = 0;

	for (size_t i = 0; i < profile->count; i++)
		ticks += profile->list[i].ticks;
	return ticks;
}
