/* SPDX-License-Identifier: Apache-2.0
 *
 * The worst in plain words: what was still running, the slowest callback, the longest work of the
 * pool, the longest sleep of a pool worker while requests waited.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "report_text_internal.h"
#include "timeline/poll_marks.h"

#define OPEN_SHOWN 3 /* in plain words; the rest are in the table */

#define SPAN_PREFIX_BYTES 64

/* The slowest finished poll of the workers of one role; NULL without any. */
static const struct timeline_span *slowest_of(const struct timeline *timeline, uint8_t role)
{
	const struct timeline_span *slowest = NULL;

	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		const struct timeline_worker *facts = &timeline->workers[i];
		if (timeline->process->workers[i].role == role && facts->polls.count > 0 &&
		    (!slowest || facts->slowest.duration > slowest->duration))
			slowest = &facts->slowest;
	}
	return slowest;
}

static bool is_long(const struct timeline *timeline, const struct timeline_span *span)
{
	return span && timeline_span_ns(timeline, span) >= timeline->options.long_poll_ns;
}

/* What a span was: "on_timer demo.c:42", or "fs_stat for " whose request it was that the pool
 * worked on. */
static const char *span_prefix(const struct report *report, const struct timeline_span *span,
			       char text[SPAN_PREFIX_BYTES])
{
	snprintf(text, SPAN_PREFIX_BYTES, span->in_pool ? "%s for " : "%.0s",
		 report_kind(report->timeline, span->site));
	return text;
}

static const char *span_name(const struct report *report, const struct timeline_span *span)
{
	return symbols_site(report->symbols, span->site, false)->text;
}

static void print_slowest(const struct report *report, const struct timeline_span *span,
			  const char *what, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	char lasted[DURATION_TEXT_BYTES], when[DURATION_TEXT_BYTES], prefix[SPAN_PREFIX_BYTES];

	report_paragraph(out, REPORT_WIDTH, "%s: %s%s ran on worker %" PRIu32 " (%s) for %s at %s.",
			 what, span_prefix(report, span, prefix), span_name(report, span),
			 report_worker_number(timeline, span->worker),
			 report_role(timeline, span->worker),
			 duration_format(timeline_span_ns(timeline, span), lasted),
			 report_offset(timeline, span->tick, when));
}

static void print_served(const struct report *report, const struct timeline_span *span, FILE *out)
{
	struct poll_marks marks = poll_marks_read(report->trace, report->timeline, span);
	char *said = poll_marks_text(report->timeline->process, &marks);

	if (said)
		report_paragraph(out, REPORT_WIDTH, "  marks and spans: %s", said);
	free(said);
}

/* The longest poll of a loop that did not come back; NULL without any. */
static const struct timeline_span *open_on_loop(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->open.count; i++) {
		if (timeline->process->workers[timeline->open.spans[i].worker].role ==
		    TRACE_ROLE_LOOP)
			return &timeline->open.spans[i];
	}
	return NULL;
}

static void print_slowest_loop(const struct report *report, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	const struct timeline_span *slowest = slowest_of(timeline, TRACE_ROLE_LOOP);
	const struct timeline_span *open = open_on_loop(timeline);
	char limit[DURATION_TEXT_BYTES];

	if (timeline->process->tier == TRACE_TIER_LIBC) {
		if (slowest)
			print_slowest(report, slowest, "Longest iteration", out);
		return;
	}
	if (is_long(timeline, slowest)) {
		print_slowest(report, slowest,
			      open && open->duration > slowest->duration
				  ? "Slowest finished callback"
				  : "Slowest callback",
			      out);
		report_paragraph(out, REPORT_WIDTH, "  kind: %s, registered by %s",
				 report_kind(timeline, slowest->site),
				 symbols_site(report->symbols, slowest->site, true)->text);
		print_served(report, slowest, out);
		return;
	}
	if (!slowest) {
		if (!open)
			fputs("No callback ran on a loop.\n", out);
		return;
	}
	fprintf(out, "No %scallback blocked a loop for %s or longer.\n",
		is_long(timeline, open) ? "finished " : "",
		duration_format_limit(timeline->options.long_poll_ns, limit));
	print_slowest(report, slowest, "Slowest callback", out);
}

static const char *end_in_words(const struct timeline *timeline, const struct timeline_span *span)
{
	const struct trace_process *process = timeline->process;

	if (!timeline_end_is_known(timeline, span->worker))
		return "Open at its last event";
	if (process->running)
		return "Running when the trace was read";
	if (timeline_died(process))
		return "The program died in";
	if (process->seal_reason == TRACE_SEAL_EXIT)
		return "Running when the program exited";
	return "Running at the end of the trace";
}

static void print_open(const struct report *report, const struct timeline_span *span, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	char lasted[REPORT_LASTED_BYTES], when[DURATION_TEXT_BYTES], prefix[SPAN_PREFIX_BYTES];

	report_paragraph(out, REPORT_WIDTH, "%s: %s%s on worker %" PRIu32 " (%s), for %s since %s.",
			 end_in_words(timeline, span), span_prefix(report, span, prefix),
			 span_name(report, span), report_worker_number(timeline, span->worker),
			 report_role(timeline, span->worker),
			 report_open_lasted(report, span, lasted),
			 report_offset(timeline, span->tick, when));
}

/* Loops first: what runs on the pool holds nobody up. */
static void print_still_open(const struct report *report, FILE *out)
{
	static const uint8_t roles[] = {TRACE_ROLE_LOOP, TRACE_ROLE_POOL};
	const struct timeline *timeline = report->timeline;
	size_t printed = 0;

	for (size_t role = 0; role < sizeof(roles); role++) {
		for (size_t i = 0; i < timeline->open.count && printed < OPEN_SHOWN; i++) {
			const struct timeline_span *span = &timeline->open.spans[i];
			if (timeline->process->workers[span->worker].role != roles[role])
				continue;
			print_open(report, span, out);
			printed++;
		}
	}
}

static void print_worst_idle(const struct timeline *timeline, FILE *out)
{
	char lasted[DURATION_TEXT_BYTES], when[DURATION_TEXT_BYTES];

	if (timeline->idle.count == 0)
		return;
	const struct timeline_span *span = &timeline->idle.spans[0];
	fprintf(out,
		"Worker %" PRIu32 " (pool) slept for %s at %s while up to %" PRIu64
		" request%s waited for the pool.\n",
		report_worker_number(timeline, span->worker),
		duration_format(timeline_span_ns(timeline, span), lasted),
		report_offset(timeline, span->tick, when), span->depth, plural(span->depth));
}

int report_summary_print(const struct report *report, FILE *out)
{
	const struct timeline_span *pool = slowest_of(report->timeline, TRACE_ROLE_POOL);

	fputc('\n', out);
	print_still_open(report, out);
	print_slowest_loop(report, out);
	if (is_long(report->timeline, pool))
		print_slowest(report, pool, "Longest work on the pool", out);
	print_worst_idle(report->timeline, out);
	return 0;
}
