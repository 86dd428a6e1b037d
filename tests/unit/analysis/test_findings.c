/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings as a table: thresholds, gates, templates, and what docs/findings.md says of them.
 */
#include "findings/findings_internal.h"
#include "findings_helper.h"

#include <ctype.h>
#include <errno.h>

#include "report/formats/fail_if.h"

/* ---- What is typed --------------------------------------------------------------------------- */

Test(findings, sets_thresholds)
{
	struct thresholds set = thresholds_default();

	cr_assert_eq(thresholds_set(&set, "blocked=50ms"), 0);
	cr_assert_float_eq(set.values[LIMIT_blocked], 50e6, 1);
	cr_assert_eq(thresholds_set(&set, "storm_timers=7"), 0);
	cr_assert_float_eq(set.values[LIMIT_storm_timers], 7, 1e-9);
	cr_assert_eq(thresholds_set(&set, "nothing=7"), -ENOENT);
	cr_assert_eq(thresholds_set(&set, "block=7ms"), -ENOENT);
	cr_assert_eq(thresholds_set(&set, "blocked"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "blocked=7"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "hot_loop=1.5"), -EINVAL);
	cr_assert_eq(thresholds_set(&set, "hot_loop=nan"), -EINVAL);
}

Test(findings, parses_fail_ifs)
{
	struct fail_if fail_if;

	cr_assert_eq(fail_if_parse(&fail_if, "long_poll>50ms"), 0);
	cr_assert_eq(fail_if_parse(&fail_if, "finding>=warning"), 0);
	cr_assert_eq(fail_if_parse(&fail_if, "finding==pool_dns"), 0);
	cr_assert_eq(fail_if_parse(&fail_if, "lost<=3"), 0);
	cr_assert_eq(fail_if_parse(&fail_if, "long_poll"), -EINVAL);
	cr_assert_eq(fail_if_parse(&fail_if, "long_poll>50"), -EINVAL);
	cr_assert_eq(fail_if_parse(&fail_if, "finding>pool_dns"), -EINVAL);
	cr_assert_eq(fail_if_parse(&fail_if, "lost>x"), -EINVAL);
	cr_assert_eq(fail_if_parse(&fail_if, "nothing>1"), -ENOENT);
	cr_assert_eq(fail_if_parse(&fail_if, ""), -ENOENT);
}

/* 60 ms in a callback, between two samples that lie 100 ms apart; the rest was parked. */
static void one_callback(uint64_t cpu_ns, uint64_t wait_ns)
{
	sample(0, 100 * MS, 0, 0);
	sample(1, 200 * MS, cpu_ns, wait_ns);
	set_up(400 * MS, 2);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER), wait(1 * MS, 119 * MS, 1),
	     poll(120 * MS, 60 * MS, SITE_READ, 1), poll(180 * MS, 1000, SITE_ASYNC, 2),
	     wait(181 * MS, 199 * MS, 0));
	finish();
}

Test(findings, fails_a_fail_if_and_says_why)
{
	static const struct {
		const char *text;
		bool fails;
	} cases[] = {
	    {"long_poll>50ms", true},
	    {"long_poll>60ms", false},
	    {"long_poll>=60ms", true},
	    {"finding>=warning", true},
	    {"finding==blocked_cpu", true},
	    {"finding==pool_dns", false},
	    {"lost>0", false},
	};

	one_callback(58 * MS, MS);
	find(NULL, 0);
	struct report report = {.timeline = timeline, .symbols = symbols, .findings = findings};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fail_if fail_if;
		char *why;
		cr_assert_eq(fail_if_parse(&fail_if, cases[i].text), 0);
		cr_assert_eq(fail_if_fails(&fail_if, &report, &why), cases[i].fails, "%s",
			     cases[i].text);
		cr_assert_eq(why != NULL, cases[i].fails);
		free(why);
	}
	done();
}

/* ---- Sentences ------------------------------------------------------------------------------- */

Test(findings, format_templates)
{
	static const struct {
		const char *template, *text;
	} cases[] = {
	    {"{runs} {runs|run|runs}", "1 run"},
	    {"{callbacks} {callbacks|callback|callbacks}", "3 callbacks"},
	    {"{others|| together}, {runs|| together}", " together, "},
	    {"{duration_ns} of {=blocked_note}", "2.00 ms of 10 ms"},
	    {"{busy_share}, {idle_share}, {lost_share}", "30%, 0%, 0.25%"},
	    {"{site} ({site.kind})", "on_read (read)"},
	    {"worker {worker}", "worker 1"},
	    {"[?open:open][!open:done], [?accepts:yes][!accepts:no]", "done, yes"},
	    {"a[?accepts:b[?open:c][!open:d]e]f[?open:x[?accepts:y]z]g", "abdefg"},
	    {"[?accepts:: {marks}]", ": load 3"},
	    {"{what}[?other:, {other}]", "fsync(fd 3)"},
	    {"{cost} {=nothing}", "{cost} {=nothing}"},
	};
	static const struct trace_stall sample = {
	    .machine = TRACE_MACHINE_X86_64, .syscall = 74, .object = "fd 3"};
	const struct stall in_fsync = {.in.kind = STALL_IN_SYSCALL, .stall_sample = &sample};
	const struct stall unseen = {.in.kind = STALL_IN_UNKNOWN};
	struct finding finding = {0};

	set_up(MS, 0);
	struct findings_input input = {
	    .timeline = timeline, .symbols = symbols, .thresholds = &thresholds};
	fact_whole(&finding, FACT_runs, 1);
	fact_whole(&finding, FACT_callbacks, 3);
	fact_whole(&finding, FACT_others, 2);
	fact_ns(&finding, FACT_duration_ns, 2e6);
	fact_number(&finding, FACT_busy_share, 0.3);
	fact_number(&finding, FACT_idle_share, 0);
	fact_number(&finding, FACT_lost_share, 0.0025);
	fact_whole(&finding, FACT_site, SITE_READ);
	fact_whole(&finding, FACT_worker, 1);
	fact_flag(&finding, FACT_accepts, true);
	fact_flag(&finding, FACT_open, false);
	fact_text(&finding, FACT_marks, "load 3");
	fact_stall(&finding, FACT_what, &in_fsync);
	fact_stall(&finding, FACT_other, &unseen);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = finding_format(&input, &finding, cases[i].template);
		cr_assert_str_eq(text, cases[i].text);
		free(text);
	}
	free(finding.facts[finding.fact_count - 2].text);
	done();
}

Test(findings, say_how_sure_they_are)
{
	cr_assert_str_eq(confidence_text(1), "certain");
	cr_assert_str_eq(confidence_text(0.9), "certain");
	cr_assert_str_eq(confidence_text(0.89), "likely");
	cr_assert_str_eq(confidence_text(0.7), "likely");
	cr_assert_str_eq(confidence_text(0.69), "possible");
}

Test(findings, say_what_a_cost_is)
{
	cr_assert_str_eq(cost_text(finding_cost(FINDING_BLOCKED)), "delay of others");
	cr_assert_str_eq(cost_text(finding_cost(FINDING_DESCHEDULED)), "own delay");
	cr_assert_str_eq(cost_text(finding_cost(FINDING_THROTTLED)), "own delay");
	cr_assert_str_eq(cost_text(finding_cost(FINDING_STEAL)), "own delay");
	cr_assert_null(cost_text(finding_cost(FINDING_LOST_EVENTS)));
}

/* ---- docs/findings.md ------------------------------------------------------------------------ */

static char *document_load(void)
{
	char path[4096], *text = NULL;
	size_t capacity = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%.*s../../../docs/findings.md",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	cr_assert(getdelim(&text, &capacity, '\0', file) > 0);
	fclose(file);
	return text;
}

/* As in an address: "timers-and-wake-ups" of "Timers and wake-ups\n...". */
static bool is_heading(const char *heading, const char *anchor)
{
	size_t length = strlen(anchor);

	for (size_t i = 0; i < length; i++) {
		if (anchor[i] != (heading[i] == ' ' ? '-' : tolower(heading[i])))
			return false;
	}
	return heading[length] == '\n';
}

static const char *section_of(const char *document, const char *anchor, const char **end)
{
	for (const char *at = document; (at = strstr(at, "\n### ")) != NULL;) {
		at += strlen("\n### ");
		*end = strstr(at, "\n##");
		if (is_heading(at, anchor))
			return at;
	}
	return NULL;
}

/* Every id stands in its section, with the names of its thresholds. */
Test(findings, are_all_documented)
{
	char *document = document_load();

	for (int id = 0; id < FINDING_COUNT; id++) {
		const char *end, *section = section_of(document, finding_anchor(id), &end);
		const char *wanted = finding_thresholds(id);
		char text[200];

		cr_assert(section && end, "docs/findings.md has no section %s", finding_anchor(id));
		snprintf(text, sizeof(text), "\n**`%s`** is found when", finding_id_name(id));
		const char *row = strstr(section, text);
		cr_assert(row && row < end, "section %s does not have %s", finding_anchor(id),
			  finding_id_name(id));
		for (size_t length; *wanted; wanted += length + (wanted[length] == ' ')) {
			length = strcspn(wanted, " ");
			cr_assert_neq(threshold_find(wanted, length), LIMIT_COUNT,
				      "%s: no threshold %.*s", finding_id_name(id), (int)length,
				      wanted);
			snprintf(text, sizeof(text), "`%.*s`", (int)length, wanted);
			const char *name = strstr(section, text);
			cr_assert(name && name < end, "section %s does not have %s",
				  finding_anchor(id), text);
		}
	}
	free(document);
}

/* Every threshold stands in a table with its default. */
Test(findings, have_thresholds_that_are_all_documented)
{
	const struct thresholds defaults = thresholds_default();
	char *document = document_load();

	for (int i = 0; i < LIMIT_COUNT; i++) {
		char value[THRESHOLD_TEXT_BYTES], row[200];
		snprintf(row, sizeof(row), "\n| `%s` | %s |", threshold_name(i),
			 threshold_format(i, defaults.values[i], value));
		cr_assert_not_null(strstr(document, row), "docs/findings.md does not have: %s",
				   row + 1);
	}
	free(document);
}

/* A callback that began and ended, in a trace of which nothing is missing. */
Test(findings, say_nothing_of_a_trace_that_is_whole)
{
	static const enum finding_id ids[] = {FINDING_NO_EVENTS, FINDING_LOST_EVENTS,
					      FINDING_UNTRACED, FINDING_UNWOUND, FINDING_DIED};

	set_up(400 * MS, 0);
	FEED(0, instant(1, 0x10, TRACE_LOOP_ENTER),
	     instant(210 * MS, 1, TRACE_CODE_POLL + SITE_READ),
	     instant(211 * MS, 0, TRACE_POLL_END));
	finish();
	process.events = 1;
	find(NULL, 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		cr_assert_null(finding_of(ids[i]), "%zu", i);
	done();
}
