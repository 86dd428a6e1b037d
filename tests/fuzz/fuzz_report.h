/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzzers of analyze_trace share: one process through the timeline, transactions, stalls,
 * findings and every format.
 */
#ifndef FUZZ_REPORT_H
#define FUZZ_REPORT_H

#include <errno.h>
#include <stdbool.h>

#include "report/formats/baseline.h"
#include "findings/findings.h"
#include "findings/profile.h"
#include "fuzz_input.h"
#include "report/findings_text.h"
#include "report/report.h"
#include "report/formats/report_formats.h"
#include "findings/stall.h"
#include "transactions/transaction_tally.h"
#include "transactions/transactions.h"

static inline struct findings *input_find(struct trace *trace, size_t process,
					  const struct report *report,
					  const struct thresholds *thresholds)
{
	struct findings_input input = {
	    .trace = trace,
	    .process = process,
	    .timeline = report->timeline,
	    .symbols = report->symbols,
	    .thresholds = thresholds,
	    .stalls = report->stalls->list,
	    .stall_count = report->stalls->count,
	    .transactions = report->transactions,
	    .tally = report->tally,
	};

	return findings_with_text(&input);
}

/* Only where there is nothing to print a format may say so. */
static inline bool input_may_end(const struct report *report, int error)
{
	return error == 0 || (error == -ENODATA && report->profile->count == 0);
}

/* Who is told of a transaction that is over; what is NULL is not. */
struct input_listeners {
	struct transaction_tally *tally;
	const struct report_format *format;
	struct report_output *output;
};

/* Whatever the input is, what is whole adds up, and no step has a cause behind it. */
static inline void input_check_transaction(const struct transaction *transaction)
{
	uint64_t sum = 0;

	for (int i = 0; i < TRANSACTION_PARTS; i++)
		sum += transaction->parts[i];
	if (transaction->cut == CUT_NONE && sum != transaction->end_tick - transaction->begin_tick)
		abort();
	for (size_t i = 0; i < transaction->step_count; i++) {
		const struct transaction_step *step = &transaction->steps[i];
		if (step->caused_tick > step->tick || step->tick > step->end_tick ||
		    (i > 0 && step->parent >= i))
			abort();
	}
}

static inline void input_over(void *arg, const struct transaction *transaction)
{
	const struct input_listeners *listeners = arg;

	input_check_transaction(transaction);
	if (listeners->tally)
		transaction_tally_take(listeners->tally, transaction);
	if (listeners->format && listeners->format->over)
		listeners->format->over(listeners->output, transaction);
}

static inline struct transactions *input_transactions(struct trace *trace, size_t process,
						      const struct timeline_options *options,
						      struct input_listeners *listeners,
						      struct timeline **timeline)
{
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;

	wanted.over = input_over;
	wanted.arg = listeners;
	struct transactions *transactions =
	    transactions_read(trace, process, options, &wanted, NULL, NULL, timeline);
	if (!transactions)
		abort();
	return transactions;
}

/* A format that is told of the transactions reads the process for itself. */
static inline void input_open_format(const struct report_format *format,
				     struct report_output *output, const struct report *report,
				     size_t process, const struct timeline_options *options)
{
	struct report_source source = {report->trace, process, report->symbols};
	struct input_listeners listeners = {.format = format, .output = output};
	struct timeline *timeline;

	if (!format->open)
		return;
	if (format->open(output, &source) != 0)
		abort();
	transactions_free(
	    input_transactions(report->trace, process, options, &listeners, &timeline));
	timeline_free(timeline);
}

/* In every format that prints reports. */
static inline void input_print_all(const struct report *report, size_t process,
				   const struct timeline_options *options, FILE *out)
{
	for (size_t i = 0; report_format_at(i); i++) {
		const struct report_format *format = report_format_at(i);
		struct report_output output = {
		    .file = out, .trace = report->trace, .processes = 1, .top = 10};

		if (!format->process)
			continue;
		if (format->begin(&output) != 0)
			abort();
		input_open_format(format, &output, report, process, options);
		if (report_format_process(format, &output, report) != 0 ||
		    !input_may_end(report, format->end(&output)))
			abort();
		report_output_free(&output);
	}
}

/* One process; `baseline` may be NULL. */
static inline void input_report(struct trace *trace, size_t process,
				const struct timeline_options *options, struct baseline *baseline,
				struct report_list *list, FILE *out)
{
	const struct thresholds thresholds = thresholds_default();
	struct transaction_tally *tally = transaction_tally_make(
	    &trace->processes[process], (uint64_t)thresholds.values[LIMIT_transaction_wait]);
	struct input_listeners listeners = {.tally = tally};
	struct timeline *timeline;
	struct transactions *transactions =
	    input_transactions(trace, process, options, &listeners, &timeline);
	struct symbols *symbols = symbols_open(&trace->processes[process]);
	struct stalls *stalls = timeline && symbols ? stalls_make(timeline, symbols) : NULL;
	struct stalls *profile = stalls ? profile_make(trace, timeline, symbols) : NULL;
	struct report report = {
	    .trace = trace,
	    .timeline = timeline,
	    .symbols = symbols,
	    .transactions = transactions,
	    .tally = tally,
	    .waterfalls = 2,
	    .stalls = stalls,
	    .profile = profile,
	    .alone = trace->process_count == 1,
	};
	struct findings *findings =
	    profile ? input_find(trace, process, &report, &thresholds) : NULL;
	struct baseline_row *rows = NULL;

	input_check_times(&trace->processes[process]);
	if (!findings)
		abort();
	report.findings = findings;
	if (baseline &&
	    !(rows = baseline_compare(baseline, timeline, transactions, symbols, &thresholds,
				      &report.baseline_count, &report.worse)))
		abort();
	report.baseline = rows;
	input_print_all(&report, process, options, out);
	if (report_list_add(list, &report) != 0)
		abort();
	free(rows);
	findings_free(findings);
	stalls_free(profile);
	stalls_free(stalls);
	symbols_close(symbols);
	transactions_free(transactions);
	transaction_tally_free(tally);
	timeline_free(timeline);
}

/* All processes of a trace, and the JSON report of them together. */
static inline void input_analyze(struct trace *trace, const struct timeline_options *options,
				 struct baseline *baseline)
{
	static FILE *out;
	struct report_list *list = report_list_make(trace);

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out || !list)
		abort();
	for (size_t i = 0; i < trace->process_count; i++)
		input_report(trace, i, options, baseline, list, out);
	if (trace->process_count > 0 && report_list_print(list, out) != 0)
		abort();
	report_list_free(list);
}

#endif
