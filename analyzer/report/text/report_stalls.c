/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocking callbacks for people: what they were seen in, with stacks.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/stall_text.h"
#include "report/findings_text.h"
#include "report_stacks.h"
#include "report_text_internal.h"

#define SHOWN_STACKS 5 /* unless --top says more */
#define SHOWN_FRAMES 24

/* The longest runs first, of each the sample that stands for most of it. */
static int compare_stalls(const void *left, const void *right)
{
	const struct stall *a = *(const struct stall *const *)left,
			   *b = *(const struct stall *const *)right;

	if (a->ticks != b->ticks)
		return a->ticks > b->ticks ? -1 : 1;
	return a->tick < b->tick ? -1 : a->tick > b->tick;
}

static void print_what(const struct stall *stall, FILE *out)
{
	static const char *const verbs[STALL_CAUSES] = {
	    [STALL_UNKNOWN] = "",
	    [STALL_SYSCALL] = "asleep in ",
	    [STALL_LOCK] = "waiting for a lock in ",
	    [STALL_CPU] = "computing in ",
	    [STALL_DESCHEDULED] = "waiting on the run queue in ",
	};
	char *text = stall_text(stall);
	bool is_told = stall->cause != STALL_UNKNOWN || stall->in.kind == STALL_IN_STOPPED;
	char *clean = report_clean(!is_told	   ? "cause unknown"
				   : text && *text ? text
						   : "unknown code");
	bool sleeps = stall->cause == STALL_SYSCALL || stall->cause == STALL_LOCK;

	fprintf(out, "%s%s", verbs[stall->cause], clean ? clean : "?");
	if (sleeps && stall->script.call_name)
		fprintf(out, " of %s", stall->script.call_name);
	if (sleeps && stall->script.user)
		fprintf(out, ", called by %s", stall->script.user->symbol->text);
	if (stall->script.reason != REASON_NONE)
		fprintf(out, " (%s)", work_reason_text(stall->script.reason));
	free(clean);
	free(text);
}

static void print_share(const struct stall *stall, FILE *out)
{
	char cpu[DURATION_TEXT_BYTES], wait[DURATION_TEXT_BYTES], asleep[DURATION_TEXT_BYTES];

	if (!stall->measured)
		return;
	fprintf(out, "       until then: %s on CPU, %s run-queue wait, %s asleep\n",
		duration_format(stall->cpu_ns, cpu), duration_format(stall->wait_ns, wait),
		duration_format(stall->asleep_ns, asleep));
}

static void print_frames(const struct stall *stall, FILE *out)
{
	for (size_t i = 0; i < stall->frame_count && i < SHOWN_FRAMES; i++) {
		char *clean = report_clean(stall->frames[i].symbol->text);

		fprintf(out, "       %s %s\n", stall->frames[i].scanned ? "?" : " ",
			clean ? clean : "?");
		free(clean);
	}
	if (stall->frame_count > SHOWN_FRAMES)
		fprintf(out, "         ... %zu more\n", stall->frame_count - SHOWN_FRAMES);
}

static void print_error(const struct stall *stall, FILE *out)
{
	if (stall->frame_count == 0 && stall->stall_sample->error)
		fprintf(out, "       its stack cannot be seen: %s\n",
			strerror((int)stall->stall_sample->error));
}

void report_stack_what_print(const struct stall *stall, FILE *out)
{
	fputs("       ", out);
	print_what(stall, out);
	fputc('\n', out);
}

void report_stack_print(const struct stall *stall, FILE *out)
{
	report_stack_what_print(stall, out);
	print_error(stall, out);
	print_frames(stall, out);
}

static void print_stall(const struct report *report, const struct stall *stall, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	char at[DURATION_TEXT_BYTES], so_far[DURATION_TEXT_BYTES], lasted[DURATION_TEXT_BYTES];
	char *callback = report_clean(report_stall_callback(report, stall));

	fprintf(out, "  %s  worker %" PRIu32 ", %s, %s after its start",
		duration_format_offset(timeline_offset_ns(timeline, stall->tick), at),
		report_worker_number(timeline, stall->worker), callback ? callback : "?",
		duration_format(timeline_ns(timeline, stall->tick - stall->poll_tick), so_far));
	free(callback);
	if (stall->poll_ticks > 0)
		fprintf(out, " (duration %s)",
			duration_format(timeline_ns(timeline, stall->poll_ticks), lasted));
	fputs(":\n       ", out);
	print_what(stall, out);
	fputc('\n', out);
	print_share(stall, out);
	print_frames(stall, out);
}

static void print_counts(const struct stalls *stalls, FILE *out)
{
	bool scanned = false;

	for (size_t i = 0; i < stalls->count; i++)
		for (size_t k = 0; k < stalls->list[i].frame_count; k++)
			scanned |= stalls->list[i].frames[k].scanned;
	if (scanned)
		fputs("  ?: found by a scan of the stack; may belong to an earlier call\n", out);
	if (stalls->suppressed > 0)
		fprintf(out, "  %" PRIu64 " more stall sample%s skipped: the limit is 5 a second\n",
			stalls->suppressed, by_count(stalls->suppressed, " is", "s are"));
	if (stalls->blind > 0)
		fprintf(out, "  %" PRIu64 " of %" PRIu64 " stall sample%s show the callback only\n",
			stalls->blind, stalls->taken, plural(stalls->taken));
}

int report_stalls_print(const struct report *report, FILE *out)
{
	const struct stalls *stalls = report->stalls;
	size_t shown =
	    report->timeline->options.top > 10 ? report->timeline->options.top : SHOWN_STACKS;
	const struct stall **order;

	if (!stalls || (stalls->count == 0 && stalls->suppressed == 0))
		return 0;
	order = calloc(stalls->count + 1, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < stalls->count; i++)
		order[i] = &stalls->list[i];
	qsort(order, stalls->count, sizeof(*order), compare_stalls);
	fprintf(out, "\nBLOCKING CALLBACKS: %zu stall sample%s, the longest stalls first\n",
		stalls->count, plural(stalls->count));
	for (size_t i = 0; i < stalls->count && i < shown; i++)
		print_stall(report, order[i], out);
	free(order);
	print_counts(stalls, out);
	return 0;
}
