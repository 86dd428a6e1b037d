/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole-program tests' reading of traces and of what the traced program said, through the
 * project's own tools (harness.h).
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define WORKERS_MAX 512
#define OPEN_MAX    256

/* ---- Reading --------------------------------------------------------------------------------- */

const char *event_text(const json_t *event, const char *field)
{
	const char *text = json_string_value(json_object_get(event, field));

	return text ? text : "";
}

bool has_finding(const json_t *report, const char *id, const char *severity)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(json_object_get(report, "findings"), i, finding)
	{
		if (strcmp(event_text(finding, "id"), id) == 0 &&
		    strcmp(event_text(finding, "severity"), severity) == 0)
			return true;
	}
	return false;
}

uint64_t event_number(const json_t *event, const char *field)
{
	const json_t *value = json_object_get(event, field);

	if (json_is_string(value))
		return strtoull(json_string_value(value), NULL, 0);
	return (uint64_t)json_integer_value(value);
}

/* What is open on each worker while the lines are read. */
struct reading {
	struct trace *trace;
	uint64_t last_ns;
	size_t open[WORKERS_MAX][OPEN_MAX]; /* indices of polls */
	unsigned depth[WORKERS_MAX];
	bool parked[WORKERS_MAX];
	bool waited[WORKERS_MAX]; /* it has parked or unparked before */
};

static uint64_t worker_of(const json_t *event)
{
	uint64_t worker = event_number(event, "worker");

	cr_assert_lt(worker, WORKERS_MAX);
	return worker;
}

static void poll_start(struct reading *reading, const json_t *event, uint64_t ns)
{
	struct trace *trace = reading->trace;
	uint64_t worker = worker_of(event);
	struct poll poll = {
	    .worker = worker,
	    .start_ns = ns,
	    .kind = event_text(event, "kind"),
	    .callback = event_text(event, "callback"),
	    .caller = event_text(event, "caller"),
	    .object = event_text(event, "object"),
	    .depth = reading->depth[worker],
	};

	cr_assert_not(reading->parked[worker],
		      "worker %" PRIu64 " polls while it is parked, at %" PRIu64, worker, ns);
	cr_assert_lt(reading->depth[worker], OPEN_MAX);
	reading->open[worker][reading->depth[worker]++] = trace->poll_count;
	trace->polls[trace->poll_count++] = poll;
	trace->open_polls++;
}

static void poll_end(struct reading *reading, const json_t *event, uint64_t ns)
{
	uint64_t worker = worker_of(event);
	struct poll *poll;

	cr_assert_gt(reading->depth[worker], 0,
		     "PollEnd without a PollStart, worker %" PRIu64 " at %" PRIu64, worker, ns);
	poll = &reading->trace->polls[reading->open[worker][--reading->depth[worker]]];
	poll->end_ns = ns;
	poll->unwound = json_is_true(json_object_get(event, "unwound"));
	reading->trace->open_polls--;
}

static void park(struct reading *reading, const json_t *event, uint64_t ns)
{
	uint64_t worker = worker_of(event);

	cr_assert_not(reading->parked[worker], "two parks, worker %" PRIu64 " at %" PRIu64, worker,
		      ns);
	reading->parked[worker] = true;
	reading->waited[worker] = true;
}

static void unpark(struct reading *reading, const json_t *event, uint64_t ns)
{
	uint64_t worker = worker_of(event);

	/* Where earlier segments are missing, a worker may come out of a park that began in one of
	 * them. */
	cr_assert(reading->parked[worker] || !reading->waited[worker],
		  "unpark without park, worker %" PRIu64 " at %" PRIu64, worker, ns);
	reading->parked[worker] = false;
	reading->waited[worker] = true;
}

static const struct {
	const char *event;
	void (*read)(struct reading *reading, const json_t *event, uint64_t ns);
} readers[] = {
    {"PollStart", poll_start},
    {"PollEnd", poll_end},
    {"WorkerPark", park},
    {"WorkerUnpark", unpark},
};

static void read_event(struct reading *reading, json_t *event)
{
	uint64_t ns = event_number(event, "timestamp_ns");
	const char *name = event_text(event, "event");

	if (strcmp(name, "TraceStart") == 0) {
		reading->trace->start = event;
		return;
	}
	cr_assert_geq(ns, reading->last_ns, "%s goes back in time, at %" PRIu64, name, ns);
	reading->last_ns = ns;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (strcmp(readers[i].event, name) == 0)
			readers[i].read(reading, event, ns);
	reading->trace->events[reading->trace->event_count++] = event;
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		count++;
		text++;
	}
	return count;
}

struct trace trace_read(const char *path)
{
	struct result result = run_program(
	    &(struct run){.program = build_path("trace_to_jsonl"), .args = {path}, .bare = true});
	struct reading *reading = calloc(1, sizeof(*reading));
	size_t lines = count_lines(result.out);
	struct trace trace = {0};

	cr_assert_eq(result.status, 0, "trace_to_jsonl %s: status %d: %s", path, result.status,
		     result.err);
	trace.events = calloc(lines + 1, sizeof(*trace.events));
	trace.polls = calloc(lines + 1, sizeof(*trace.polls));
	cr_assert(reading && trace.events && trace.polls);
	reading->trace = &trace;
	for (char *line = result.out, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		json_error_t error;
		json_t *event = json_loadb(line, (size_t)(end - line), 0, &error);

		cr_assert_not_null(event, "not JSON: %s: %.*s", error.text, (int)(end - line),
				   line);
		read_event(reading, event);
	}
	cr_assert_not_null(trace.start, "%s: no TraceStart line", path);
	free(reading);
	result_free(&result);
	return trace;
}

void trace_free(struct trace *trace)
{
	for (size_t i = 0; i < trace->event_count; i++)
		json_decref(trace->events[i]);
	json_decref(trace->start);
	free(trace->events);
	free(trace->polls);
}

size_t trace_count(const struct trace *trace, const char *event, const char *kind)
{
	size_t count = 0;

	for (size_t i = 0; i < trace->event_count; i++)
		count += strcmp(event_text(trace->events[i], "event"), event) == 0 &&
			 (!kind || strcmp(event_text(trace->events[i], "kind"), kind) == 0);
	return count;
}

bool name_is(const char *in_trace, const char *name)
{
	size_t bytes = strlen(name);

	return strncmp(in_trace, name, bytes) == 0 && !isalnum((unsigned char)in_trace[bytes]) &&
	       in_trace[bytes] != '_';
}

size_t trace_count_polls(const struct trace *trace, const char *kind, const char *callback)
{
	size_t count = 0;

	for (size_t i = 0; i < trace->poll_count; i++)
		count += (!kind || strcmp(trace->polls[i].kind, kind) == 0) &&
			 (!callback || name_is(trace->polls[i].callback, callback));
	return count;
}

/* ---- What the program said ------------------------------------------------------------------- */

json_t *truth_read(const char *out)
{
	const char *line = out;
	json_error_t error;
	json_t *truth;

	for (const char *next = strchr(out, '\n'); next && next[1]; next = strchr(line, '\n'))
		line = next + 1;
	truth = json_loads(line, 0, &error);
	cr_assert_not_null(truth, "the program's line is not JSON: %s: %.80s", error.text, line);
	return truth;
}

int64_t truth_value(const json_t *truth, const char *name)
{
	const json_t *value = json_object_get(json_object_get(truth, "values"), name);

	return value ? json_integer_value(value) : -1;
}

struct traced trace_program(const struct run *run)
{
	struct traced traced = {.result = run_well(run)};

	traced.truth = truth_read(traced.result.out);
	traced.trace = trace_read("uvtrace.data");
	cr_assert_eq(event_number(traced.trace.start, "lost"), 0, "%s: events were lost",
		     run->program);
	cr_assert_eq(event_number(traced.trace.start, "missing"), 0, "%s: events are missing",
		     run->program);
	return traced;
}

void traced_free(struct traced *traced)
{
	result_free(&traced->result);
	json_decref(traced->truth);
	trace_free(&traced->trace);
}

static bool all_sealed(void *arg)
{
	(void)arg;
	return count_files("uvtrace.data", ".bin") > 0 &&
	       count_files("uvtrace.data", ".bin.open") == 0;
}

void wait_for_seal(void)
{
	cr_assert(wait_until(all_sealed, NULL), "the trace is not sealed");
}

/* ---- Analysis -------------------------------------------------------------------------------- */

json_t *analyze(const char *path, const char *option, ...)
{
	struct run run = {.program = build_path("analyze_trace"), .args = {"--json"}, .bare = true};
	struct result result;
	json_error_t error;
	json_t *report;
	int count = 1;
	va_list more;

	va_start(more, option);
	for (const char *next = option; next && count < HARNESS_ARGS_MAX - 2;
	     next = va_arg(more, const char *))
		run.args[count++] = next;
	va_end(more);
	run.args[count] = path;
	result = run_program(&run);
	cr_assert_eq(result.status, 0, "analyze_trace %s: status %d: %s", path, result.status,
		     result.err);
	report = json_loads(result.out, 0, &error);
	cr_assert_not_null(report, "analyze_trace --json %s: %s: %.200s", path, error.text,
			   result.out);
	result_free(&result);
	return report;
}
