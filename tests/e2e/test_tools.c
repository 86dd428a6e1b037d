/* SPDX-License-Identifier: Apache-2.0
 *
 * What README says of the tools' exit status, held against good traces, damaged ones and what is no
 * trace.
 */
#include <unistd.h>

#include "harness.h"

TestSuite(tools, .init = harness_enter, .fini = harness_leave, .timeout = 30);

static const struct {
	const char *trace;
	int analyze, jsonl; /* exit status */
	bool has_events;
} cases[] = {
    {"tests/golden/echo.bin", 0, 0, true},
    {"tests/golden/flipped.bin", 0, 1, true}, /* a part could not be read, the rest is written */
    {"tests/golden/cut.bin", 0, 1, true},
    {"Makefile", 1, 1, false},
    {"tests/not_there.bin", 1, 1, false},
};

static struct result read_by(const char *tool, const char *trace)
{
	return run_program(
	    &(struct run){.program = build_path(tool), .args = {trace}, .bare = true});
}

Test(tools, exit_status)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *trace = source_path(cases[i].trace);
		struct result report = read_by("analyze_trace", trace),
			      lines = read_by("trace_to_jsonl", trace);

		cr_expect_eq(report.status, cases[i].analyze, "analyze_trace %s: %d", trace,
			     report.status);
		cr_expect_eq(lines.status, cases[i].jsonl, "trace_to_jsonl %s: %d", trace,
			     lines.status);
		cr_expect_eq(lines.err[0] != '\0', lines.status == 1, "%s: a line says why: %s",
			     trace, lines.err);
		cr_expect_eq(strstr(lines.out, "\"event\":\"PollEnd\"") != NULL,
			     cases[i].has_events, "%s", trace);
		result_free(&report);
		result_free(&lines);
	}
	cr_expect_eq(read_by("analyze_trace", "--nonsense").status, 2);
	cr_expect_eq(read_by("trace_to_jsonl", "--nonsense").status, 2);
}

static struct result analyze_with(const char *first, const char *second)
{
	const char *trace = source_path("tests/golden/echo.bin");

	return run_program(&(struct run){
	    .program = build_path("analyze_trace"), .args = {trace, first, second}, .bare = true});
}

/* A condition that cannot hold is not one that never does. */
Test(tools, conditions_can_hold)
{
	char *baseline;
	struct result without = analyze_with("--fail-if=worse>0", NULL);

	cr_assert_gt(asprintf(&baseline, "--baseline=%s", source_path("tests/golden/echo.bin")), 0);
	cr_expect_eq(without.status, 2, "%d", without.status);
	cr_expect(strstr(without.err, "needs --baseline"), "says: %s", without.err);
	cr_expect_eq(analyze_with("--fail-if=worse>0", baseline).status, 0);
	cr_expect_eq(analyze_with(baseline, "--fail-if=worse>0").status, 0);
	cr_expect_eq(analyze_with("--html=page.html", "--fail-if=lost>0").status, 2);
}

static void check_says(const char *option, int status, const char *said, bool on_error)
{
	struct result result = analyze_with(option, NULL);

	cr_expect_eq(result.status, status, "%s: %d", option, result.status);
	cr_expect_not_null(strstr(on_error ? result.err : result.out, said), "%s says: %s%s",
			   option, result.out, result.err);
	result_free(&result);
}

/* The number of --transactions may be left out; an id is one, or refused. */
Test(tools, transactions_are_asked_for)
{
	check_says("--transactions", 0, "THE SLOWEST TRANSACTIONS", false);
	check_says("--transactions=1", 0, "THE SLOWEST TRANSACTIONS", false);
	check_says("--transactions=0", 2, "not a number of 1 or more", true);
	check_says("--transaction=1.1", 0, "There is no transaction of that id", false);
	check_says("--transaction=fast", 2, "is not the id of a transaction", true);
	check_says("--help", 0, "--transactions[=N] ", false);
	check_says("--fail-if=transaction_p99>1ns", 3, "transaction_p99>1ns: it is ", true);
	check_says("--fail-if=transaction_p99[read nobody]>1s", 3, "no transaction begins there",
		   true);
	check_says("--fail-if=transaction_p99[>1s", 2, "is not a condition", true);
}

/* HTML is a format like the others: with a name for its file, and without. */
Test(tools, the_page_is_a_format)
{
	struct result printed, written;

	if (access(build_path("trace_viewer.html"), R_OK) != 0)
		cr_skip_test("no viewer page was built");
	printed = analyze_with("--format=html", NULL);
	written = analyze_with("--html=page.html", "--json");
	cr_expect_eq(printed.status, 0, "%s", printed.err);
	cr_expect(strstr(printed.out, "data-trace="), "the trace is inside");
	cr_expect_eq(written.status, 0, "%s", written.err);
	cr_expect_str_empty(written.out);
	written = run_program(&(struct run){.program = "cat", .args = {"page.html"}, .bare = true});
	cr_expect_str_eq(written.out, printed.out);
	cr_expect_eq(analyze_with("--format=html", "--fail-if=lost>0").status, 2);
}

Test(tools, no_trace_in_this_dir)
{
	struct result result =
	    run_program(&(struct run){.program = build_path("analyze_trace"), .bare = true});

	cr_expect_eq(result.status, 1);
	cr_expect(strstr(result.err, "name the files or the directory of a trace"), "says: %s",
		  result.err);
}

/* "trace.*.bin" of two files is IN and OUT: the second stays as it is. */
Test(tools, out_is_no_trace)
{
	struct result result = run_program(&(struct run){
	    .program = "sh",
	    .args = {"-c",
		     "cp \"$0\" a.bin; cp a.bin b.bin; gzip -c a.bin >c.bin.gz; cp c.bin.gz d; "
		     "\"$1\" a.bin b.bin; echo $?; \"$1\" a.bin d; echo $?; "
		     "cmp a.bin b.bin && cmp c.bin.gz d && echo kept; "
		     "echo old >e; \"$1\" a.bin e; echo $?; grep -c PollEnd e",
		     source_path("tests/golden/echo.bin"), build_path("trace_to_jsonl")},
	    .bare = true});

	cr_expect_eq(strncmp(result.out, "2\n2\nkept\n0\n", 11), 0, "%s%s", result.out, result.err);
	cr_expect(strstr(result.err, "name the directory"), "says: %s", result.err);
	cr_expect_eq(result.status, 0, "what is no trace is written over");
}
