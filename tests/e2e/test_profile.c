/* SPDX-License-Identifier: Apache-2.0
 *
 * The profile of what runs in callbacks (UVTRACE_SAMPLE_HZ): which functions it names and how its
 * shares compare with the times that the program (tests/fixtures/process/busy.c) took itself; and
 * that nothing is sampled where nobody asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "pprof.pb-c.h"

TestSuite(profile, .init = harness_enter, .fini = harness_leave, .timeout = 180);

#define SAMPLES_MIN 20 /* below that shares say nothing */
#define RUNS_MAX    8  /* on a busy machine a run has fewer: what a sample costs is bounded */

/* Runs the program; what it timed itself. */
static json_t *busy_run(const char *setting)
{
	struct run run = {.program = build_path("fixtures/busy"),
			  .args = {"400"}, /* two seconds */
			  .env = {setting, "UVTRACE_STALL_MS=0"}};
	struct result result = run_well(&run);

	return truth_read(result.out);
}

/* The time of the profile's stacks that have both. */
static double stacks_us(const char *collapsed, const char *kind, const char *function)
{
	double sum_us = 0;

	for (const char *line = collapsed, *end; (end = strchr(line, '\n')) != NULL;
	     line = end + 1) {
		char *text = strndup(line, (size_t)(end - line));

		if (strncmp(text, kind, strlen(kind)) == 0 && strstr(text, function))
			sum_us += strtod(strrchr(text, ' '), NULL);
		free(text);
	}
	return sum_us;
}

/* Of all runs: what the profile has, and what the program timed. */
struct shares {
	double all_us, parse_us, render_us, parse_ns, render_ns;
	uint64_t samples;
};

static void shares_add(struct shares *shares)
{
	json_t *truth = busy_run("UVTRACE_SAMPLE_HZ=199"), *report;
	struct run collapse = {.program = build_path("analyze_trace"),
			       .args = {"--collapsed", "uvtrace.data"},
			       .bare = true};
	struct result result = run_well(&collapse);

	report = analyze("uvtrace.data", NULL);
	cr_assert_eq(event_number(json_object_get(report, "profile"), "hz"), 199);
	shares->samples += event_number(json_object_get(report, "profile"), "samples");
	shares->all_us += stacks_us(result.out, "profile;", "");
	shares->parse_us += stacks_us(result.out, "profile;timer;on_tick", ";parse");
	shares->render_us += stacks_us(result.out, "profile;timer;on_tick", ";render");
	shares->parse_ns += (double)truth_value(truth, "parse_ns");
	shares->render_ns += (double)truth_value(truth, "render_ns");
	json_decref(report);
	json_decref(truth);
	run_well(&(struct run){.program = "rm", .args = {"-r", "uvtrace.data"}, .bare = true});
}

Test(profile, shares_are_those_that_the_program_timed)
{
	struct shares shares = {0};
	double timed_ns;

	for (int i = 0; i < RUNS_MAX && shares.samples < SAMPLES_MIN; i++)
		shares_add(&shares);
	timed_ns = shares.parse_ns + shares.render_ns;
	cr_assert_geq(shares.samples, SAMPLES_MIN);
	cr_expect_float_eq(shares.parse_us / shares.all_us, shares.parse_ns / timed_ns, 0.25);
	cr_expect_gt(shares.render_us, 0);
	/* The samples share the time that callbacks took, however few were taken. */
	cr_expect_float_eq(shares.all_us * 1000 / timed_ns, 1, 0.1);
}

/* ---- pprof ----------------------------------------------------------------------------------- */

static Pprof__Profile *pprof_read(void)
{
	static uint8_t bytes[1 << 20];
	char command[4096];
	struct run run = {.program = "sh", .args = {"-c", command}, .bare = true};
	FILE *file;
	size_t length;

	snprintf(command, sizeof(command), "%s --format=pprof uvtrace.data > profile.pb",
		 build_path("analyze_trace"));
	run_well(&run);
	file = fopen("profile.pb", "r");
	cr_assert_not_null(file);
	length = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	return pprof__profile__unpack(NULL, length, bytes);
}

/* Whether the function is one of those that a sample was in. */
static bool is_in(const Pprof__Profile *profile, const Pprof__Sample *sample, const char *function)
{
	for (size_t i = 0; i < sample->n_location_id; i++) {
		uint64_t id = sample->location_id[i];
		const Pprof__Function *found;

		cr_assert(id > 0 && id <= profile->n_function);
		found = profile->function[id - 1];
		cr_assert_eq(found->id, id);
		if (strcmp(profile->string_table[found->name], function) == 0)
			return true;
	}
	return false;
}

Test(profile, pprof_has_the_samples_of_the_report)
{
	json_t *truth = busy_run("UVTRACE_SAMPLE_HZ=199"), *report = analyze("uvtrace.data", NULL);
	const json_t *profile = json_object_get(report, "profile");
	Pprof__Profile *pprof = pprof_read();
	int64_t all_ns = 0;
	size_t in_timer = 0, in_work = 0;

	cr_assert_not_null(pprof);
	cr_assert_str_eq(pprof->string_table[0], "");
	cr_assert_eq(pprof->n_sample, event_number(profile, "samples"));
	cr_assert_eq(pprof->period, 1000000000 / 199);
	for (size_t i = 0; i < pprof->n_sample; i++) {
		const Pprof__Sample *sample = pprof->sample[i];

		cr_assert_eq(sample->n_value, pprof->n_sample_type);
		cr_assert_eq(sample->value[0], 1);
		all_ns += sample->value[1];
		in_timer += is_in(pprof, sample, "on_tick");
		in_work += is_in(pprof, sample, "parse") || is_in(pprof, sample, "render");
	}
	/* Each sample is rounded by itself. */
	cr_expect_float_eq((double)all_ns, (double)event_number(profile, "total_ns"),
			   (double)pprof->n_sample);
	/* In samples, not in time: where the helper did not run for long, one sample stands for all
	 * of that. Between the two functions and around them next to nothing happens. */
	cr_assert_geq(pprof->n_sample, 1);
	cr_expect_eq(in_timer, pprof->n_sample);
	cr_expect_geq(in_work + 1, pprof->n_sample - pprof->n_sample / 10, "%zu of %zu", in_work,
		      pprof->n_sample);
	pprof__profile__free_unpacked(pprof, NULL);
	json_decref(report);
	json_decref(truth);
}

Test(profile, pprof_without_samples_has_the_runs_of_callbacks)
{
	json_t *truth = busy_run("UVTRACE_SAMPLE_HZ=0");
	double busy_ns =
	    (double)truth_value(truth, "parse_ns") + (double)truth_value(truth, "render_ns");
	Pprof__Profile *pprof = pprof_read();
	double all_ns = 0;

	cr_assert_not_null(pprof);
	cr_expect_eq(pprof->period, 0);
	for (size_t i = 0; i < pprof->n_sample; i++) {
		all_ns += (double)pprof->sample[i]->value[1];
		cr_expect(is_in(pprof, pprof->sample[i], "on_tick"));
	}
	cr_expect_float_eq(all_ns / busy_ns, 1, 0.1);
	pprof__profile__free_unpacked(pprof, NULL);
	json_decref(truth);
}

Test(profile, pprof_of_a_trace_without_callbacks_says_so)
{
	struct run run = {.program = build_path("analyze_trace"),
			  .args = {"--format=pprof", source_path("tests/golden/garbage.bin")},
			  .bare = true};
	struct result result = run_program(&run);

	cr_expect_eq(result.status, 1);
	cr_expect_str_eq(result.out, "");
	cr_expect_not_null(strstr(result.err, "no callbacks"), "%s", result.err);
}

Test(profile, samples_that_nobody_asked_for_are_not_taken)
{
	json_t *truth = busy_run("UVTRACE_SAMPLE_HZ=0");
	json_t *report = analyze("uvtrace.data", NULL);

	cr_assert_not_null(json_object_get(report, "profile"));
	cr_expect(json_is_null(json_object_get(report, "profile")));
	json_decref(report);
	json_decref(truth);
}
