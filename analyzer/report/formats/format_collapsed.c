/* SPDX-License-Identifier: Apache-2.0
 *
 * Collapsed stacks for flame graphs, a line each with its time in microseconds: callbacks and work
 * of the pool by total time (callbacks;kind;who registered it;the callback), then the stall
 * samples, each with the time that it stands for (stalls;kind;callback or its outermost
 * function;...;innermost), and the samples of the profile (profile;kind;callback;...;innermost).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/report_table.h"
#include "report/profile_rows.h"
#include "report/stall_text.h"
#include "report_formats_internal.h"

static void frame_print(FILE *out, const char *before, const char *text)
{
	char *clean = report_clean(text);

	for (char *at = clean; at && *at; at++) {
		if (*at == ';')
			*at = ':';
	}
	fprintf(out, "%s%s", before, clean ? clean : "?");
	free(clean);
}

static void row_collapsed(const struct report *report, const struct report_row *row, FILE *out)
{
	uint64_t us = timeline_ns(report->timeline, row->durations->sum) / 1000;

	if (us == 0)
		return;
	fputs(row->in_pool ? "pool" : "callbacks", out);
	frame_print(out, ";", report_kind(report->timeline, row->site));
	frame_print(out, ";", symbols_site(report->symbols, row->site, true)->text);
	frame_print(out, ";", symbols_site(report->symbols, row->site, false)->text);
	fprintf(out, " %" PRIu64 "\n", us);
}

static void frames_print(const struct report *report, const struct stall *stall, FILE *out)
{
	for (size_t i = stall->frame_count; i-- > 0;)
		frame_print(out, stall->frames[i].scanned ? ";? " : ";",
			    profile_frame_name(report, &stall->frames[i]));
}

/* Functions without lines: a function that computes is seen at many. */
static void stall_collapsed(const struct report *report, const struct stall *stall, FILE *out)
{
	uint64_t us = timeline_ns(report->timeline, stall->ticks) / 1000;

	if (us == 0)
		return;
	fputs("stalls", out);
	frame_print(out, ";", report_kind(report->timeline, stall->site));
	if (stall->frame_count == 0)
		frame_print(out, ";", report_stall_callback(report, stall));
	frames_print(report, stall, out);
	if (stall->cause == STALL_SYSCALL || stall->cause == STALL_LOCK) {
		char *what = stall_text(stall);

		frame_print(out, ";", what ? what : "?");
		free(what);
	}
	fprintf(out, " %" PRIu64 "\n", us);
}

static void profile_collapsed(const struct report *report, const struct stall *sample, FILE *out)
{
	bool is_known = sample->site < report->timeline->process->site_count;

	fputs("profile", out);
	frame_print(out, ";", is_known ? report_kind(report->timeline, sample->site) : "(unknown)");
	frame_print(out, ";", is_known ? report_stall_callback(report, sample) : "(unknown)");
	frames_print(report, sample, out);
	fprintf(out, " %" PRIu64 "\n", timeline_ns(report->timeline, sample->ticks) / 1000);
}

int collapsed_process(struct report_output *output, const struct report *report)
{
	const struct stalls *stalls = report->stalls;
	size_t count;
	struct report_row *rows = report_rows(report->timeline, &count);

	for (size_t i = 0; rows && i < count; i++)
		row_collapsed(report, &rows[i], output->file);
	for (size_t i = 0; stalls && i < stalls->count; i++)
		stall_collapsed(report, &stalls->list[i], output->file);
	for (size_t i = 0; report->profile && i < report->profile->count; i++)
		profile_collapsed(report, &report->profile->list[i], output->file);
	free(rows);
	return rows ? 0 : -ENOMEM;
}
