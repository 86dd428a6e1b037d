/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles from where they are made to their end, as the fixture handle_lives counts them: what the
 * trace has of them, and which of them are told to be left over.
 */
#include <string.h>

#include "harness.h"

TestSuite(handles, .init = harness_enter, .fini = harness_leave, .timeout = 120);

static struct traced trace_mode(const char *mode)
{
	struct run run = {.program = build_path("fixtures/handle_lives"), .args = {mode}};

	return trace_program(&run);
}

/* The finding of that id; NULL: there is none. `report` is kept by the caller. */
static const json_t *finding_in(const json_t *report, const char *id)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(report, "findings"), i, finding)
	{
		if (strcmp(json_string_value(json_object_get(finding, "id")), id) == 0)
			return finding;
	}
	return NULL;
}

static const char *text_of(const json_t *finding, const char *key)
{
	const char *text = json_string_value(json_object_get(finding, key));

	return text ? text : "";
}

static int64_t fact_of(const json_t *finding, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(finding, "facts"), name));
}

/* Which handles end, and by what: told, stopped, fired or exited; where they are made, and the
 * callback that most of them end in. */
struct ended {
	const char *mode, *kind, *maker, *fact, *counted, *seen_by, *severity;
};

static void assert_told(const struct ended *ended)
{
	struct traced traced = trace_mode(ended->mode);
	json_t *report = analyze("uvtrace.data", NULL);
	const json_t *finding = finding_in(report, "unclosed_handles");
	int64_t count = truth_value(traced.truth, ended->counted);

	cr_assert_not_null(finding, "%s: nothing is found", ended->mode);
	cr_assert_str_eq(text_of(finding, "severity"), ended->severity, "%s", ended->mode);
	cr_assert(name_is(text_of(finding, "culprit"), ended->maker), "%s: %s", ended->mode,
		  text_of(finding, "culprit"));
	cr_assert_not_null(strstr(text_of(finding, "title"), ended->kind), "%s: %s", ended->mode,
			   text_of(finding, "title"));
	cr_assert_eq(fact_of(finding, ended->fact), count, "%s: %jd of %jd", ended->mode,
		     (intmax_t)fact_of(finding, ended->fact), (intmax_t)count);
	cr_assert_eq(fact_of(finding, "left"), count);
	cr_assert_eq(fact_of(finding, "made"), truth_value(traced.truth, "made"));
	cr_assert_eq(fact_of(finding, "closed"), 0);
	cr_assert_not_null(strstr(text_of(finding, "evidence"), ended->seen_by), "%s: %s",
			   ended->mode, text_of(finding, "evidence"));
	cr_assert_null(finding_in(report, "handle_growth"), "%s", ended->mode);
	json_decref(report);
	traced_free(&traced);
}

Test(handles, streams_that_ended_and_were_not_closed)
{
	assert_told(&(struct ended){"streams", "pipe", "make_stream", "told_end", "told",
				    "Most ended in on_read", "warning"});
}

Test(handles, streams_that_could_not_connect)
{
	assert_told(&(struct ended){"refused", "pipe", "make_refused", "told_end", "told",
				    "Most ended in on_connect", "warning"});
}

Test(handles, timers_that_were_stopped)
{
	assert_told(&(struct ended){"stopped", "timer", "make_stopped", "stopped", "stopped",
				    "Most ended in on_round", "warning"});
}

Test(handles, timers_that_fired_for_good)
{
	assert_told(&(struct ended){"fired", "timer", "make_fired", "fired", "told",
				    "Most ended in on_soon", "warning"});
}

Test(handles, children_that_exited)
{
	assert_told(&(struct ended){"children", "process_exit", "make_child", "exited", "told",
				    "Most ended in on_exit_of", "warning"});
}

/* They may be written to: that is no more than a note. */
Test(handles, streams_that_are_not_read_any_more)
{
	assert_told(&(struct ended){"paused", "pipe", "make_stream", "paused", "stopped",
				    "Most ended in on_read", "note"});
}

static void assert_healthy(const char *mode)
{
	struct traced traced = trace_mode(mode);
	json_t *report = analyze("uvtrace.data", NULL);

	cr_assert_null(finding_in(report, "unclosed_handles"), "%s", mode);
	cr_assert_null(finding_in(report, "handle_growth"), "%s", mode);
	json_decref(report);
	traced_free(&traced);
}

Test(handles, those_that_are_closed_are_no_matter)
{
	assert_healthy("closed");
}

Test(handles, nor_those_that_are_used_again)
{
	assert_healthy("reused");
}

Test(handles, nor_clients_that_join_and_stay)
{
	assert_healthy("stay");
}

static size_t counted(const struct traced *traced, const char *name)
{
	int64_t value = truth_value(traced->truth, name);

	return value > 0 ? (size_t)value : 0;
}

/* Each event, against the program's own count. */
static void assert_events(const char *mode, const char *kind, const char *callback)
{
	struct traced traced = trace_mode(mode);

	cr_assert_eq(trace_count(&traced.trace, "HandleInit", kind), counted(&traced, "made"));
	cr_assert_eq(trace_count(&traced.trace, "HandleStart", callback),
		     counted(&traced, "started"));
	cr_assert_eq(trace_count(&traced.trace, "HandleEnd", NULL), counted(&traced, "told"));
	/* The timer that counts the rounds is stopped once. */
	cr_assert_eq(trace_count(&traced.trace, "HandleStop", NULL),
		     counted(&traced, "stopped") + 1);
	cr_assert_eq(trace_count(&traced.trace, "HandleClose", NULL), counted(&traced, "closed"));
	traced_free(&traced);
}

Test(handles, events_of_streams_that_are_closed)
{
	assert_events("closed", "pipe", "read");
}

Test(handles, events_of_streams_that_are_not_read_any_more)
{
	assert_events("paused", "pipe", "read");
}

Test(handles, events_of_timers_that_are_stopped)
{
	assert_events("stopped", "timer", "timer");
}

Test(handles, events_of_failed_connections)
{
	assert_events("refused", "pipe", "read");
}

/* One write is not taken by its peer (fixture pending): what it leaves in the queue. */
Test(handles, queue_of_a_write_that_is_not_taken)
{
	struct run run = {.program = build_path("fixtures/pending"),
			  .env = {"UV_THREADPOOL_SIZE=1"}};
	struct traced traced = trace_program(&run);
	const json_t *event = NULL;

	cr_assert_eq(trace_count(&traced.trace, "WriteQueue", NULL), 1);
	for (size_t i = 0; i < traced.trace.event_count; i++) {
		if (strcmp(event_text(traced.trace.events[i], "event"), "WriteQueue") == 0)
			event = traced.trace.events[i];
	}
	cr_assert_str_eq(event_text(event, "stream"), "pipe");
	cr_assert_eq(event_number(event, "bytes"), counted(&traced, "never_queue_bytes"));
	cr_assert_null(json_object_get(event, "behind"));
	traced_free(&traced);
}
