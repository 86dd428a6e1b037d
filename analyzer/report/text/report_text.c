/* SPDX-License-Identifier: Apache-2.0
 *
 * The report for people: what was recorded, what is wrong with the recording, the worst that was found in plain
 * words, then tables, each with a line that says what its words mean.
 *
 * Rules: nothing that cuts into the figures stays unsaid. Lines fit REPORT_WIDTH characters, but for paths. No
 * colours, no pager.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/durations.h"
#include "timeline/poll_marks.h"
#include "report/report.h"
#include "base/report_table.h"

#define WORKERS_SHOWN_MIN 40 /* more workers than this and than --top: the busiest are shown */
#define PROBLEMS_SHOWN	  20
#define OPEN_SHOWN	  3 /* in plain words; the rest are in the table */
#define SPAN_PREFIX_BYTES 64

typedef int section_print(const struct report *report, FILE *out);

/* Text from a trace, cleaned. */
static void print_clean(FILE *out, const char *text)
{
	char *clean = report_clean(text);

	fputs(clean ? clean : "?", out);
	free(clean);
}

static const char *format_ticks(const struct timeline *timeline, uint64_t ticks, char text[DURATION_TEXT_BYTES])
{
	return duration_format(timeline_ns(timeline, ticks), text);
}

static const char *format_offset(const struct timeline *timeline, uint64_t tick, char text[DURATION_TEXT_BYTES])
{
	return duration_format_offset(timeline_offset_ns(timeline, tick), text);
}

/* ---- Header --------------------------------------------------------------------------------------------------- */

static void print_start(const struct trace_process *process, FILE *out)
{
	time_t seconds = (time_t)(process->start_real_ns / 1000000000);
	struct tm start;
	char text[64] = "at an unknown time";

	if (localtime_r(&seconds, &start))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &start);
	fprintf(out, "Recorded %s", text);
}

static void print_range(const struct timeline *timeline, FILE *out)
{
	const struct timeline_options *options = &timeline->options;
	char from[DURATION_TEXT_BYTES], to[DURATION_TEXT_BYTES];

	if (options->from_ns > 0 || options->to_ns != UINT64_MAX)
		fprintf(out, "Shown: what happened between %s and %s.\n",
			format_offset(timeline, timeline->from_tick, from),
			format_offset(timeline, timeline->end_tick, to));
	if (options->worker != 0)
		fprintf(out, "Shown: worker %" PRIu32 " alone.\n", options->worker);
}

/* "none lost", or how many are not there. */
static void print_not_there(const struct trace_process *process, FILE *out)
{
	char count[REPORT_COUNT_BYTES];

	if (process->lost == 0 && process->missing == 0)
		fputs("none lost", out);
	if (process->lost > 0)
		fprintf(out, "%s LOST", report_count(process->lost, count));
	if (process->missing > 0)
		fprintf(out, "%s%s MISSING", process->lost ? ", " : "", report_count(process->missing, count));
	fputs(".\n", out);
}

static int print_header(const struct report *report, FILE *out)
{
	const struct trace_process *process = report->timeline->process;
	char duration[DURATION_TEXT_BYTES], events[REPORT_COUNT_BYTES];
	int64_t duration_ns = timeline_offset_ns(report->timeline, process->last_tick);

	print_clean(out, *process->exe ? process->exe : "(unknown program)");
	fprintf(out, ", process %" PRIu32 ", libuv ", process->pid);
	print_clean(out, *process->libuv ? process->libuv : "of unknown version");
	fputc('\n', out);
	print_start(process, out);
	fprintf(out, " for %s: %s event%s in %" PRIu32 " file%s, ",
		duration_format(duration_ns > 0 ? (uint64_t)duration_ns : 0, duration),
		report_count(process->events, events), plural(process->events), process->segment_count,
		plural(process->segment_count));
	print_not_there(process, out);
	fprintf(out, "%s\n", report_ending(process));
	print_range(report->timeline, out);
	return 0;
}

/* ---- Warnings ------------------------------------------------------------------------------------------------- */

static void print_warning(void *arg, const char *line)
{
	fputs("! ", arg);
	print_clean(arg, line);
	fputc('\n', arg);
}

static int print_warnings(const struct report *report, FILE *out)
{
	return report_warnings(report, PROBLEMS_SHOWN, print_warning, out);
}

/* ---- The worst, in plain words -------------------------------------------------------------------------------- */

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

/* What a span was: "on_timer demo.c:42", or "fs_stat for " whose request it was that the pool worked on. */
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

static void print_slowest(const struct report *report, const struct timeline_span *span, const char *what, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	char lasted[DURATION_TEXT_BYTES], when[DURATION_TEXT_BYTES], prefix[SPAN_PREFIX_BYTES];

	report_paragraph(out, REPORT_WIDTH, "%s: %s%s held worker %" PRIu32 " (%s) for %s at %s.", what,
			 span_prefix(report, span, prefix), span_name(report, span),
			 report_worker_number(timeline, span->worker), report_role(timeline, span->worker),
			 duration_format(timeline_span_ns(timeline, span), lasted),
			 format_offset(timeline, span->tick, when));
}

static void print_served(const struct report *report, const struct timeline_span *span, FILE *out)
{
	struct poll_marks marks = poll_marks_read(report->trace, report->timeline, span);
	char *said = poll_marks_text(report->timeline->process, &marks);

	if (said)
		report_paragraph(out, REPORT_WIDTH, "  in it: %s", said);
	free(said);
}

/* The longest poll of a loop that did not come back; NULL without any. */
static const struct timeline_span *open_on_loop(const struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->open.count; i++) {
		if (timeline->process->workers[timeline->open.spans[i].worker].role == TRACE_ROLE_LOOP)
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
			print_slowest(report, slowest, "The longest", out);
		return;
	}
	if (is_long(timeline, slowest)) {
		print_slowest(report, slowest,
			      open && open->duration > slowest->duration ? "Slowest callback that came back"
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
			fputs("No callback was seen to run on a loop.\n", out);
		return;
	}
	fprintf(out, "No callback%s held a loop for %s or longer.\n", is_long(timeline, open) ? " that came back" : "",
		duration_format_limit(timeline->options.long_poll_ns, limit));
	print_slowest(report, slowest, "The slowest", out);
}

static const char *end_in_words(const struct timeline *timeline, const struct timeline_span *span)
{
	const struct trace_process *process = timeline->process;

	if (!timeline_end_is_known(timeline, span->worker))
		return "Open where its events end";
	if (process->running)
		return "Running when this was read";
	if (timeline_died(process))
		return "The program died in";
	if (process->seal_reason == TRACE_SEAL_EXIT)
		return "Running when the program exited";
	return "Running where the trace ends";
}

static void print_open(const struct report *report, const struct timeline_span *span, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	char lasted[REPORT_LASTED_BYTES], when[DURATION_TEXT_BYTES], prefix[SPAN_PREFIX_BYTES];

	report_paragraph(out, REPORT_WIDTH, "%s: %s%s on worker %" PRIu32 " (%s), for %s since %s.",
			 end_in_words(timeline, span), span_prefix(report, span, prefix), span_name(report, span),
			 report_worker_number(timeline, span->worker), report_role(timeline, span->worker),
			 report_open_lasted(report, span, lasted), format_offset(timeline, span->tick, when));
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
		"Worker %" PRIu32 " (pool) slept for %s at %s while up to %" PRIu64 " request%s waited for the pool.\n",
		report_worker_number(timeline, span->worker), duration_format(timeline_span_ns(timeline, span), lasted),
		format_offset(timeline, span->tick, when), span->depth, plural(span->depth));
}

static int print_worst(const struct report *report, FILE *out)
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

/* ---- Workers -------------------------------------------------------------------------------------------------- */

static void worker_times(struct table *table, const struct timeline *timeline, const struct timeline_worker *facts)
{
	double utilization = report_utilization(facts);

	if (utilization < 0) {
		table_add(table, "-");
		table_add(table, "-");
	} else {
		table_add_percent(table, utilization);
		table_add_percent(table, 1 - utilization);
	}
	if (facts->sampled && facts->sampled_ns > 0) {
		table_add_percent(table, (double)facts->cpu_ns / (double)facts->sampled_ns);
		table_add_duration(table, facts->sched_wait_ns);
	} else {
		table_add(table, "-");
		table_add(table, "-");
	}
	static const double quantiles[] = {0.5, 0.99, 1};
	for (size_t i = 0; i < 3; i++) {
		if (facts->polls.count > 0)
			table_add_duration(table,
					   timeline_ns(timeline, histogram_quantile(&facts->polls, quantiles[i])));
		else
			table_add(table, "-");
	}
}

static void worker_row(struct table *table, const struct timeline *timeline, size_t position)
{
	const struct trace_worker *worker = &timeline->process->workers[position];
	const struct timeline_worker *facts = &timeline->workers[position];
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, worker->worker);
	table_add(table, number);
	table_add(table, report_role(timeline, position));
	table_add(table, worker->name);
	table_add_count(table, facts->polls.count);
	table_add_count(table, facts->parks);
	worker_times(table, timeline, facts);
}

static int compare_busy_first(const void *a, const void *b, void *arg)
{
	const struct timeline *timeline = arg;
	uint64_t x = timeline_busy_ticks(&timeline->workers[*(const size_t *)a]);
	uint64_t y = timeline_busy_ticks(&timeline->workers[*(const size_t *)b]);

	if (x != y)
		return x < y ? 1 : -1;
	return *(const size_t *)a < *(const size_t *)b ? -1 : 1;
}

static int print_workers(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"#", true, 0},	   {"role", false, 0},	  {"thread", false, 1}, {"polls", true, 0},
	    {"parks", true, 0},	   {"busy", true, 0},	  {"parked", true, 0},	{"on CPU", true, 0},
	    {"CPU wait", true, 0}, {"poll p50", true, 0}, {"p99", true, 0},	{"longest", true, 0},
	};
	const struct timeline *timeline = report->timeline;
	size_t *positions = calloc(timeline->process->worker_count + 1, sizeof(*positions)), count = 0;
	size_t shown = timeline->options.top > WORKERS_SHOWN_MIN ? timeline->options.top : WORKERS_SHOWN_MIN;
	struct table table;

	if (!positions)
		return -ENOMEM;
	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		if (report_is_worker(timeline, i))
			positions[count++] = i;
	}
	if (count > shown)
		qsort_r(positions, count, sizeof(*positions), compare_busy_first, (void *)timeline);
	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < count && i < shown; i++)
		worker_row(&table, timeline, positions[i]);
	free(positions);
	fprintf(out,
		"\nWORKERS: threads that libuv runs callbacks (loop) or requests' work (pool) on\n"
		"  poll: one %s; park: a wait for something to do; busy: not parked;\n"
		"  CPU wait: ready to run, but the kernel ran somebody else\n",
		timeline->process->tier == TRACE_TIER_LIBC ? "turn of a loop" : "run of a callback");
	int error = table_print(&table, out, REPORT_WIDTH);
	if (count > shown)
		fprintf(out, "  ... the busiest %zu of %zu workers (--top=N shows more)\n", shown, count);
	return error;
}

static void print_role_balance(const struct timeline *timeline, uint8_t role, FILE *out)
{
	struct report_balance balance = report_balance(timeline, role);
	char busiest[DURATION_TEXT_BYTES], mean[DURATION_TEXT_BYTES];

	if (balance.workers < 2 || balance.mean_ticks <= 0)
		return;
	fprintf(out,
		"  %zu %s workers: the busiest, worker %" PRIu32 ", was busy for %s, %.1f times their mean of %s.\n",
		balance.workers, trace_role_name(role), report_worker_number(timeline, balance.busiest),
		format_ticks(timeline, balance.max_ticks, busiest), (double)balance.max_ticks / balance.mean_ticks,
		format_ticks(timeline, (uint64_t)balance.mean_ticks, mean));
}

static void print_never_ran(const struct timeline *timeline, FILE *out)
{
	size_t never = 0, printed = 0;

	for (size_t i = 0; i < timeline->process->worker_count; i++)
		never += report_never_ran(timeline, i);
	if (never == 0)
		return;
	fprintf(out, "  Ran nothing at all: worker%s", plural(never));
	for (size_t i = 0; i < timeline->process->worker_count && printed < WORKERS_SHOWN_MIN; i++) {
		if (report_never_ran(timeline, i))
			fprintf(out, "%s %" PRIu32, printed++ ? "," : "", report_worker_number(timeline, i));
	}
	fputs(printed < never ? ", ...\n" : ".\n", out);
}

static int print_balance(const struct report *report, FILE *out)
{
	print_role_balance(report->timeline, TRACE_ROLE_LOOP, out);
	print_role_balance(report->timeline, TRACE_ROLE_POOL, out);
	print_never_ran(report->timeline, out);
	return 0;
}

/* ---- Callbacks ------------------------------------------------------------------------------------------------ */

static void table_add_callback(struct table *table, const struct report *report, uint32_t site, bool in_pool)
{
	const struct symbol_info *callback = symbols_site(report->symbols, site, false);
	char *text;

	if (!in_pool) {
		table_add(table, callback->text);
	} else if (asprintf(&text, "(pool) %s", callback->text) >= 0) {
		table_add(table, text);
		free(text);
	} else {
		table->failed = true;
	}
}

static void callback_row(struct table *table, const struct report *report, const struct report_row *row)
{
	const struct timeline *timeline = report->timeline;

	table_add_duration(table, timeline_ns(timeline, row->durations->sum));
	table_add_count(table, row->durations->count);
	table_add_duration(table, timeline_ns(timeline, histogram_quantile(row->durations, 0.5)));
	table_add_duration(table, timeline_ns(timeline, histogram_quantile(row->durations, 0.99)));
	table_add_duration(table, timeline_ns(timeline, row->durations->max));
	table_add(table, report_kind(timeline, row->site));
	table_add_callback(table, report, row->site, row->in_pool);
}

/* Below the callback: there is no room beside it. */
static void registered_row(struct table *table, const struct report *report, uint32_t site)
{
	char *text;

	for (size_t i = 0; i + 1 < table->column_count; i++)
		table_add(table, "");
	if (asprintf(&text, "  by %s", symbols_site(report->symbols, site, true)->text) < 0) {
		table->failed = true;
		return;
	}
	table_add(table, text);
	free(text);
}

/* A module whose functions have no names; NULL where all have. */
static const char *nameless_module(const struct report *report, const struct report_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct symbol_info *callback = symbols_site(report->symbols, rows[i].site, false);
		if (!callback->named && *callback->module)
			return callback->module;
	}
	return NULL;
}

static int print_callback_rows(const struct report *report, const struct report_row *rows, size_t count, FILE *out)
{
	static const struct table_column columns[] = {
	    {"total", true, 0},	  {"runs", true, 0},  {"p50", true, 0},	      {"p99", true, 0},
	    {"longest", true, 0}, {"kind", false, 0}, {"callback", false, 1},
	};
	const char *nameless = nameless_module(report, rows, count);
	struct table table;

	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < count; i++) {
		callback_row(&table, report, &rows[i]);
		registered_row(&table, report, rows[i].site);
	}
	int error = table_print(&table, out, REPORT_WIDTH);
	if (nameless)
		report_paragraph(out, REPORT_WIDTH, "  Names are missing: the debug information of %s would give them.",
				 nameless);
	return error;
}

static int print_callbacks(const struct report *report, FILE *out)
{
	size_t count, top = report->timeline->options.top;
	struct report_row *rows = report_rows(report->timeline, &count);
	int error = 0;

	if (!rows)
		return -ENOMEM;
	if (count > 0) {
		fputs("\nCALLBACKS by total time, and by whom each was registered; (pool): its request's work on the "
		      "pool\n",
		      out);
		error = print_callback_rows(report, rows, count < top ? count : top, out);
	}
	if (count > top)
		fprintf(out, "  ... and %zu more (--top=N shows more)\n", count - top);
	free(rows);
	return error;
}

/* ---- Lists of spans ------------------------------------------------------------------------------------------- */

static void when_add(struct table *table, const struct timeline *timeline, const struct timeline_span *span)
{
	char when[DURATION_TEXT_BYTES];

	table_add(table, format_offset(timeline, span->tick, when));
}

/* Below the poll: what the program said in it. */
static void served_row(struct table *table, const struct report *report, const struct timeline_span *span)
{
	struct poll_marks marks = poll_marks_read(report->trace, report->timeline, span);
	char *said = poll_marks_text(report->timeline->process, &marks), *text;

	if (!said)
		return;
	for (size_t i = 0; i + 2 < table->column_count; i++)
		table_add(table, "");
	if (asprintf(&text, "  with %s", said) >= 0)
		table_add(table, text);
	else
		table->failed = true;
	table_add(table, "");
	free(text);
	free(said);
}

static int print_polls(const struct report *report, const struct timeline_top *top, bool open, FILE *out)
{
	static const struct table_column columns[] = {
	    {"at", true, 0},	{"lasted", true, 0},	{"worker", false, 0},
	    {"kind", false, 0}, {"callback", false, 1}, {"registered by", false, 2},
	};
	struct table table;

	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < top->count && i < report->timeline->options.top; i++) {
		const struct timeline_span *span = &top->spans[i];
		char worker[32], lasted[REPORT_LASTED_BYTES];
		when_add(&table, report->timeline, span);
		table_add(&table, open ? report_open_lasted(report, span, lasted)
				       : duration_format(timeline_span_ns(report->timeline, span), lasted));
		snprintf(worker, sizeof(worker), "%" PRIu32 " %s", report_worker_number(report->timeline, span->worker),
			 report_role(report->timeline, span->worker));
		table_add(&table, worker);
		table_add(&table, report_kind(report->timeline, span->site));
		table_add_callback(&table, report, span->site, span->in_pool);
		table_add(&table, symbols_site(report->symbols, span->site, true)->text);
		served_row(&table, report, span);
	}
	return table_print(&table, out, REPORT_WIDTH);
}

static int print_long_polls(const struct report *report, FILE *out)
{
	const struct timeline_top *polls = &report->timeline->long_polls;
	char limit[DURATION_TEXT_BYTES], count[REPORT_COUNT_BYTES];

	duration_format_limit(report->timeline->options.long_poll_ns, limit);
	if (polls->seen == 0)
		return 0;
	fprintf(out, "\nLONGEST POLLS: %s took %s or longer\n", report_count(polls->seen, count), limit);
	return print_polls(report, polls, false, out);
}

static int print_open_polls(const struct report *report, FILE *out)
{
	const struct timeline_top *open = &report->timeline->open;

	if (open->seen == 0)
		return 0;
	fputs("\nSTILL RUNNING where the trace ends\n", out);
	return print_polls(report, open, true, out);
}

static int compare_earlier_first(const void *a, const void *b)
{
	const struct timeline_span *x = a, *y = b;

	if (x->tick != y->tick)
		return x->tick < y->tick ? -1 : 1;
	return x->worker < y->worker ? -1 : x->worker > y->worker;
}

/* Workers that slept through the same are told together. Returns how many spans were. */
static size_t idle_row(struct table *table, const struct timeline *timeline, const struct timeline_span *spans,
		       size_t count)
{
	char workers[128] = "";
	size_t together = 0, length = 0;

	for (; together < count && spans[together].tick == spans[0].tick; together++) {
		if (length < sizeof(workers) - 16)
			length += (size_t)snprintf(workers + length, sizeof(workers) - length, "%s%" PRIu32,
						   together ? ", " : "",
						   report_worker_number(timeline, spans[together].worker));
	}
	when_add(table, timeline, &spans[0]);
	table_add_duration(table, timeline_span_ns(timeline, &spans[0]));
	table_add_count(table, spans[0].depth);
	table_add(table, workers);
	return together;
}

static int print_idle(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {
	    {"at", true, 0}, {"for", true, 0}, {"requests waiting", true, 0}, {"workers", false, 1}};
	const struct timeline *timeline = report->timeline;
	const struct timeline_top *idle = &timeline->idle;
	char limit[DURATION_TEXT_BYTES], count[REPORT_COUNT_BYTES];
	struct timeline_span *spans;
	struct table table;

	if (idle->seen == 0)
		return 0;
	spans = calloc(idle->count, sizeof(*spans));
	if (!spans)
		return -ENOMEM;
	memcpy(spans, idle->spans, idle->count * sizeof(*spans));
	qsort(spans, idle->count, sizeof(*spans), compare_earlier_first);
	fprintf(out,
		"\nPOOL WORKERS ASLEEP WHILE REQUESTS WAITED for %s or longer: %s time%s, the longest here\n"
		"  A sleeper that was woken is asleep until the kernel runs it: see CPU wait. Lookups of names and\n"
		"  addresses may use half of the pool only: that is libuv's own limit.\n",
		duration_format_limit(timeline->options.idle_ns, limit), report_count(idle->seen, count),
		plural(idle->seen));
	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	for (size_t i = 0; i < idle->count;)
		i += idle_row(&table, timeline, spans + i, idle->count - i);
	free(spans);
	return table_print(&table, out, REPORT_WIDTH);
}

/* ---- Queues --------------------------------------------------------------------------------------------------- */

static void level_row(struct table *table, const char *what, const struct timeline_level *level)
{
	char mean[32];

	if (level->count == 0)
		return;
	snprintf(mean, sizeof(mean), level->mean < 100 ? "%.2f" : "%.0f", level->mean);
	table_add(table, what);
	table_add_count(table, level->max);
	table_add(table, mean);
}

static int print_queues(const struct report *report, FILE *out)
{
	static const struct table_column columns[] = {{"", false, 0}, {"most", true, 0}, {"mean", true, 0}};
	const struct timeline *timeline = report->timeline;
	const struct histogram *wait = &timeline->pool_wait;
	char p50[DURATION_TEXT_BYTES], p99[DURATION_TEXT_BYTES], max[DURATION_TEXT_BYTES];
	struct table table;

	table_begin(&table, columns, sizeof(columns) / sizeof(*columns));
	level_row(&table, "requests waiting for a pool worker", &timeline->pool_queued);
	level_row(&table, "requests that the pool works on", &timeline->pool_running);
	level_row(&table, "descriptors ready when a loop's wait ended", &timeline->ready_fds);
	level_row(&table, "active handles of a loop", &timeline->active_handles);
	level_row(&table, "active requests of a loop", &timeline->active_requests);
	if (table.cell_count > 0)
		fputs("\nQUEUES\n", out);
	int error = table_print(&table, out, REPORT_WIDTH);
	if (wait->count > 0)
		fprintf(out, "  a request waited for the pool: p50 %s, p99 %s, longest %s\n",
			format_ticks(timeline, histogram_quantile(wait, 0.5), p50),
			format_ticks(timeline, histogram_quantile(wait, 0.99), p99),
			format_ticks(timeline, wait->max, max));
	return error;
}

int report_print(const struct report *report, FILE *out)
{
	static section_print *const sections[] = {
	    print_header,  report_findings_print, print_warnings,   print_worst,	  print_workers,
	    print_balance, print_callbacks,	  print_long_polls, print_open_polls,	  report_stalls_print,
	    print_idle,	   report_marks_print,	  print_queues,	    report_machine_print,
	};
	int error = 0;

	for (size_t i = 0; error == 0 && i < sizeof(sections) / sizeof(*sections); i++)
		error = sections[i](report, out);
	return error;
}
