/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzzers of analyze_trace share: one process through the timeline, stalls, findings and
 * every format.
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
	};

	return findings_with_text(&input);
}

/* Only where there is nothing to print a format may say so. */
static inline bool input_may_end(const struct report *report, int error)
{
	return error == 0 || (error == -ENODATA && report->profile->count == 0);
}

/* In every format that prints reports. */
static inline void input_print_all(const struct report *report, FILE *out)
{
	for (size_t i = 0; report_format_at(i); i++) {
		const struct report_format *format = report_format_at(i);
		struct report_output output = {
		    .file = out, .trace = report->trace, .processes = 1, .top = 10};

		if (format->process && (format->begin(&output) != 0 ||
					report_format_process(format, &output, report) != 0 ||
					!input_may_end(report, format->end(&output))))
			abort();
		report_output_free(&output);
	}
}

/* Whatever the input is, what is whole adds up, and no step has a cause behind it. */
static inline void input_check_transaction(void *arg, const struct transaction *transaction)
{
	uint64_t sum = 0;

	(void)arg;
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

static inline struct timeline *input_timeline(struct trace *trace, size_t process,
					      const struct timeline_options *options)
{
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
	struct timeline *timeline;

	wanted.over = input_check_transaction;
	struct transactions *transactions =
	    transactions_read(trace, process, options, &wanted, NULL, NULL, &timeline);
	transactions_free(transactions);
	return timeline;
}

/* One process; `baseline` may be NULL. */
static inline void input_report(struct trace *trace, size_t process,
				const struct timeline_options *options, struct baseline *baseline,
				struct report_list *list, FILE *out)
{
	const struct thresholds thresholds = thresholds_default();
	struct timeline *timeline = input_timeline(trace, process, options);
	struct symbols *symbols = symbols_open(&trace->processes[process]);
	struct stalls *stalls = timeline && symbols ? stalls_make(timeline, symbols) : NULL;
	struct stalls *profile = stalls ? profile_make(trace, timeline, symbols) : NULL;
	struct report report = {
	    .trace = trace,
	    .timeline = timeline,
	    .symbols = symbols,
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
	if (baseline && !(rows = baseline_compare(baseline, timeline, NULL, symbols, &thresholds,
						  &report.baseline_count, &report.worse)))
		abort();
	report.baseline = rows;
	input_print_all(&report, out);
	if (report_list_add(list, &report) != 0)
		abort();
	free(rows);
	findings_free(findings);
	stalls_free(profile);
	stalls_free(stalls);
	symbols_close(symbols);
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
