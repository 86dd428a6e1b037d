/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a segment, as it is and with its checksums put right, through all that analyze_trace
 * does: the timeline, stalls, findings, every format that it prints, into nothing. Seeds: tests/golden and
 * tests/fuzz/corpus.
 */
#include "fuzz_input.h"
#include "findings/findings.h"
#include "report/report.h"
#include "report/formats/report_formats.h"
#include "findings/stall.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The input's last byte, which most often is padding, also chooses what is asked for. */
static struct timeline_options choose_options(uint8_t choice)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;

	if (choice & 1)
		options.top = 1 + (choice >> 6);
	if (choice & 2)
		options.from_ns = 1u << (choice >> 3);
	if (choice & 4)
		options.worker = choice >> 5;
	if (choice & 8)
		options.long_poll_ns = options.idle_ns = options.hold_ns = 0, options.pending_ns = 1;
	if (choice & 16)
		options.to_ns = options.from_ns + (1u << (choice >> 3));
	return options;
}

static struct findings *find(struct trace *trace, size_t process, const struct report *report,
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

	return findings_make(&input);
}

static void print_all(const struct report *report, struct report_list *list, FILE *out)
{
	static const char *const formats[] = {"markdown", "junit", "sarif", "collapsed"};

	if (report_print(report, out) != 0 || report_list_add(list, report) != 0)
		abort();
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		const struct report_format *format = report_format_find(formats[i]);

		format->begin(out);
		if (format->add(report, 0, out) != 0)
			abort();
		format->end(out);
	}
}

static void print(struct trace *trace, size_t process, const struct timeline_options *options, struct report_list *list,
		  FILE *out)
{
	const struct thresholds thresholds = thresholds_default();
	struct timeline *timeline = timeline_read(trace, process, options, NULL, NULL);
	struct symbols *symbols = symbols_open(&trace->processes[process]);
	struct stalls *stalls = timeline && symbols ? stalls_make(timeline, symbols) : NULL;
	struct report report = {
	    .trace = trace,
	    .timeline = timeline,
	    .symbols = symbols,
	    .stalls = stalls,
	    .alone = trace->process_count == 1,
	};
	struct findings *findings = stalls ? find(trace, process, &report, &thresholds) : NULL;

	input_check_times(&trace->processes[process]);
	if (!findings)
		abort();
	report.findings = findings;
	print_all(&report, list, out);
	findings_free(findings);
	stalls_free(stalls);
	symbols_close(symbols);
	timeline_free(timeline);
}

static void analyze(const char *path, uint8_t choice)
{
	static FILE *out;
	struct timeline_options options = choose_options(choice);
	struct trace *trace = input_open(path);
	struct report_list *list = report_list_make(trace);

	if (!out)
		out = fopen("/dev/null", "w");
	if (!out || !list)
		abort();
	for (size_t i = 0; i < trace->process_count; i++)
		print(trace, i, &options, list, out);
	if (trace->process_count > 0 && report_list_print(list, out) != 0)
		abort();
	report_list_free(list);
	trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	input_try_both(data, bytes, analyze);
	return 0;
}
