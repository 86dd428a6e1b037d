/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a segment, as it is and with its checksums put right, through all
 * that analyze_trace does: the timeline, stalls, findings, every format that it prints, into
 * nothing. Seeds: tests/golden and tests/fuzz/corpus.
 */
#include "fuzz_report.h"

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
		options.long_poll_ns = options.idle_ns = options.blocking_ns = 0,
		options.pending_ns = 1;
	if (choice & 16)
		options.to_ns = options.from_ns + (1u << (choice >> 3));
	return options;
}

static void analyze(const char *path, uint8_t choice)
{
	struct timeline_options options = choose_options(choice);
	struct trace *trace = input_open(path);

	input_analyze(trace, &options, NULL);
	trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	input_try_both(data, bytes, analyze);
	return 0;
}
