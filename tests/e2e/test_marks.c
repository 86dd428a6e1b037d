/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks and spans (uvtrace.h): every one that the program made is in the trace and in the analysis,
 * with its values, and lasted as long as the program says; what cannot be recorded is counted.
 */
#include "harness.h"

static size_t count_named(const struct trace *trace, const char *event, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < trace->event_count; i++)
		count += strcmp(event_text(trace->events[i], "event"), event) == 0 &&
			 strcmp(event_text(trace->events[i], "name"), name) == 0;
	return count;
}

/* The n-th event of this name. */
static const json_t *event_named(const struct trace *trace, const char *event, const char *name,
				 size_t n)
{
	for (size_t i = 0; i < trace->event_count; i++)
		if (strcmp(event_text(trace->events[i], "event"), event) == 0 &&
		    strcmp(event_text(trace->events[i], "name"), name) == 0 && n-- == 0)
			return trace->events[i];
	cr_assert_fail("no %s of %s", event, name);
	return NULL;
}

/* The row of a name in a list of the analysis; NULL where there is none. */
static const json_t *row_of(const json_t *report, const char *list, const char *name)
{
	const json_t *found = NULL, *row;
	size_t i;

	json_array_foreach(json_object_get(report, list), i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")), name) != 0)
			continue;
		cr_assert_null(found, "%s is there twice", name);
		found = row;
	}
	return found;
}

static json_t *long_poll_of(const json_t *report, const char *callback)
{
	json_t *poll;
	size_t i;

	json_array_foreach(json_object_get(report, "long_polls"), i,
			   poll) if (name_is(json_string_value(json_object_get(poll, "callback")),
					     callback)) return poll;
	cr_assert_fail("%s is no long poll", callback);
	return NULL;
}

static uint64_t row_number(const json_t *report, const char *list, const char *name,
			   const char *key)
{
	const json_t *row = row_of(report, list, name);

	cr_assert_not_null(row, "no %s in %s", name, list);
	return (uint64_t)json_integer_value(json_object_get(row, key));
}

static void check_marks(const struct traced *traced)
{
	const struct trace *trace = &traced->trace;
	uint64_t ticks = (uint64_t)truth_value(traced->truth, "ticks");
	size_t thread_marks = (size_t)truth_value(traced->truth, "thread_marks");
	char name[32];

	cr_assert_eq(count_named(trace, "Mark", "ticks"), ticks);
	for (uint64_t i = 0; i < ticks; i++)
		cr_assert_eq(event_number(event_named(trace, "Mark", "ticks", i), "value"), i + 1);
	cr_assert_eq(count_named(trace, "Mark", "signals"), 10);
	cr_assert_eq(count_named(trace, "Mark", "thread"), thread_marks);
	for (size_t i = 0; i < thread_marks; i++) {
		uint64_t value = event_number(event_named(trace, "Mark", "thread", i), "value");

		cr_assert_eq(value >> 32, value & UINT32_MAX, "torn: %llx",
			     (unsigned long long)value);
	}
	for (int64_t i = 0; i < truth_value(traced->truth, "shared_names"); i++) {
		snprintf(name, sizeof(name), "both %d", (int)i);
		cr_assert_eq(count_named(trace, "Mark", name), 2, "%s", name);
	}
	cr_assert_eq(count_named(trace, "Mark", "too early"), 0);
}

static void check_spans(const struct traced *traced)
{
	const struct trace *trace = &traced->trace;
	const json_t *begin = event_named(trace, "SpanBegin", "request", 0), *end;
	uint64_t ticks = (uint64_t)truth_value(traced->truth, "ticks"), lasted;

	cr_assert_str_eq(event_text(begin, "id"), "0xfedcba9876543210");
	cr_assert_eq(event_number(json_object_get(begin, "fields"), "bytes"), 1234567890123);
	cr_assert_eq(event_number(json_object_get(begin, "fields"), "client"), 7);
	end = event_named(trace, "SpanEnd", "request", 0);
	cr_assert_eq(event_number(json_object_get(end, "fields"), "status"), 200);
	lasted = event_number(end, "timestamp_ns") - event_number(begin, "timestamp_ns");
	/* Ticks of 16 ns at either end. */
	cr_assert_geq(lasted + 32, (uint64_t)truth_value(traced->truth, "request_least_ns"));
	cr_assert_leq(lasted, (uint64_t)truth_value(traced->truth, "request_most_ns") + 32);
	cr_assert_eq(count_named(trace, "SpanBegin", "tick"), ticks);
	cr_assert_eq(count_named(trace, "SpanEnd", "tick"), ticks);
	cr_assert_neq(event_number(event_named(trace, "SpanBegin", "job", 0), "worker"),
		      event_number(event_named(trace, "SpanEnd", "job", 0), "worker"));
}

static void check_analysis(const struct traced *traced)
{
	json_t *report = analyze("uvtrace.data", NULL);
	uint64_t ticks = (uint64_t)truth_value(traced->truth, "ticks"), names = 0;
	uint64_t request = row_number(report, "spans", "request", "max_ns");
	const char *name, *id;

	cr_assert_eq(row_number(report, "marks", "ticks", "count"), ticks);
	cr_assert_eq(row_number(report, "marks", "ticks", "p50"), ticks / 2);
	cr_assert_eq(row_number(report, "marks", "ticks", "max"), ticks);
	cr_assert_eq(row_number(report, "marks", "both 9", "count"), 2);
	cr_assert_geq(request + 32, (uint64_t)truth_value(traced->truth, "request_least_ns"));
	cr_assert_leq(request, (uint64_t)truth_value(traced->truth, "request_most_ns") + 32);
	cr_assert_eq(row_number(report, "spans", "tick", "count"), ticks);
	cr_assert_eq(row_number(report, "spans", "job", "count"), 1);
	cr_assert_eq(row_number(report, "spans", "job", "ends_alone"), 1);
	cr_assert_eq(row_number(report, "spans", "never ends", "open"), 1);
	cr_assert_eq(json_unpack(long_poll_of(report, "on_slow"), "{s:[{s:s,s:s}]}", "spans",
				 "name", &name, "id", &id),
		     0);
	cr_assert_str_eq(name, "request");
	cr_assert_str_eq(id, "0xfedcba9876543210");
	/* "too early", and the names for which there was no room. */
	for (size_t i = 0; i < json_array_size(json_object_get(report, "marks")); i++)
		names += strncmp(json_string_value(json_object_get(
				     json_array_get(json_object_get(report, "marks"), i), "name")),
				 "name ", 5) == 0;
	cr_assert_gt(names, 900);
	cr_assert_eq(
	    json_integer_value(json_object_get(json_object_get(report, "untraced"), "marks")),
	    1 + truth_value(traced->truth, "names") - (int64_t)names);
	json_decref(report);
}

static void check_fixture(const char *env)
{
	struct traced traced =
	    trace_program(&(struct run){.program = build_path("fixtures/marks"), .env = {env}});

	check_polls(&traced.trace, traced.truth, false);
	cr_assert_eq(truth_value(traced.truth, "errno_kept"), 1);
	check_marks(&traced);
	check_spans(&traced);
	check_analysis(&traced);
	traced_free(&traced);
}

TestSuite(marks, .init = harness_enter, .fini = harness_leave, .timeout = 60);

Test(marks, all_that_the_program_said)
{
	check_fixture("UVTRACE_DRAIN=process");
}

Test(marks, drained_by_a_thread)
{
	check_fixture("UVTRACE_DRAIN=thread");
}

/* Without the library, every call does nothing. */
Test(marks, bare)
{
	struct result result =
	    run_well(&(struct run){.program = build_path("fixtures/marks"), .bare = true});

	cr_assert_eq(truth_value(truth_read(result.out), "ticks"), 20);
	cr_assert_eq(count_files(".", "uvtrace"), 0);
}

/* Switched off, nothing is recorded, nor counted as missing. */
Test(marks, switched_off)
{
	struct run run = {.program = build_path("fixtures/marks"), .env = {"UVTRACE_ENABLED=0"}};
	json_t *report;

	run_well(&run);
	report = analyze("uvtrace.data", NULL);
	cr_assert_eq(json_array_size(json_object_get(report, "marks")), 0);
	cr_assert_eq(json_array_size(json_object_get(report, "spans")), 0);
	json_decref(report);
}
