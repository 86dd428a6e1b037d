/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole-program tests' reading of traces, through the project's own tools, and their comparison with what the
 * traced program said (harness.h).
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define WORKERS_MAX  512
#define OPEN_MAX     256
#define TOLERANCE_NS 50000 /* how far the program's clock and the trace's may be apart */
#define SHORTER_NS   200   /* a poll's own rounding: one unit at each end, and the clock's slope */
#define MEDIAN_MIN   9	   /* polls that a median can be asked of */
#define MATCH_WINDOW 16	   /* polls of several threads may be recorded in another order than they were timed */

/* ---- Reading ---------------------------------------------------------------------------------------------- */

const char *event_text(const json_t *event, const char *field)
{
	const char *text = json_string_value(json_object_get(event, field));

	return text ? text : "";
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

	cr_assert_not(reading->parked[worker], "worker %" PRIu64 " polls while it is parked, at %" PRIu64, worker, ns);
	cr_assert_lt(reading->depth[worker], OPEN_MAX);
	reading->open[worker][reading->depth[worker]++] = trace->poll_count;
	trace->polls[trace->poll_count++] = poll;
	trace->open_polls++;
}

static void poll_end(struct reading *reading, const json_t *event, uint64_t ns)
{
	uint64_t worker = worker_of(event);
	struct poll *poll;

	cr_assert_gt(reading->depth[worker], 0, "PollEnd without a PollStart, worker %" PRIu64 " at %" PRIu64, worker,
		     ns);
	poll = &reading->trace->polls[reading->open[worker][--reading->depth[worker]]];
	poll->end_ns = ns;
	poll->unwound = json_is_true(json_object_get(event, "unwound"));
	reading->trace->open_polls--;
}

static void park(struct reading *reading, const json_t *event, uint64_t ns)
{
	uint64_t worker = worker_of(event);

	cr_assert_not(reading->parked[worker], "two parks, worker %" PRIu64 " at %" PRIu64, worker, ns);
	reading->parked[worker] = true;
	reading->waited[worker] = true;
}

static void unpark(struct reading *reading, const json_t *event, uint64_t ns)
{
	uint64_t worker = worker_of(event);

	/* Where earlier segments are missing, a worker may come out of a park that began in one of them. */
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
	struct result result =
	    run_program(&(struct run){.program = build_path("trace_to_jsonl"), .args = {path}, .bare = true});
	struct reading *reading = calloc(1, sizeof(*reading));
	size_t lines = count_lines(result.out);
	struct trace trace = {0};

	cr_assert_eq(result.status, 0, "trace_to_jsonl %s: status %d: %s", path, result.status, result.err);
	trace.events = calloc(lines + 1, sizeof(*trace.events));
	trace.polls = calloc(lines + 1, sizeof(*trace.polls));
	cr_assert(reading && trace.events && trace.polls);
	reading->trace = &trace;
	for (char *line = result.out, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		json_error_t error;
		json_t *event = json_loadb(line, (size_t)(end - line), 0, &error);

		cr_assert_not_null(event, "not JSON: %s: %.*s", error.text, (int)(end - line), line);
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

/* ---- Comparing -------------------------------------------------------------------------------------------- */

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

static bool emulated(void)
{
	return getenv("HARNESS_EMULATOR") != NULL;
}

/* One poll of the program, as it timed it, and the poll of the trace that was found for it. */
struct sample {
	uint64_t start_ns, end_ns;
	const struct poll *poll;
	size_t rank;  /* of that one, among its group's */
	size_t tried; /* for the poll of this rank and 1 more */
};

struct group {
	const char *kind, *callback, *caller;
	struct sample *samples;
	int64_t *excess_ns;
	size_t count;
	size_t matched;
};

static int compare_samples(const void *a, const void *b)
{
	const struct sample *left = a, *right = b;

	return (left->start_ns > right->start_ns) - (left->start_ns < right->start_ns);
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

static struct group group_read(const json_t *entry)
{
	const json_t *samples = json_object_get(entry, "samples");
	struct group group = {
	    .kind = event_text(entry, "kind"),
	    .callback = event_text(entry, "callback"),
	    .caller = event_text(entry, "caller"),
	    .count = json_array_size(samples),
	};

	group.samples = calloc(group.count + 1, sizeof(*group.samples));
	group.excess_ns = calloc(group.count + 1, sizeof(*group.excess_ns));
	cr_assert(group.samples && group.excess_ns);
	for (size_t i = 0; i < group.count; i++) {
		const json_t *sample = json_array_get(samples, i);

		group.samples[i].start_ns = (uint64_t)json_integer_value(json_array_get(sample, 0));
		group.samples[i].end_ns = (uint64_t)json_integer_value(json_array_get(sample, 1));
	}
	qsort(group.samples, group.count, sizeof(*group.samples), compare_samples);
	return group;
}

/* Whether this poll can be that sample: it begins before it and ends after it. */
static bool sample_fits(const struct sample *sample, const struct poll *poll)
{
	if (sample->start_ns + TOLERANCE_NS < poll->start_ns)
		return false;
	if (!sample->end_ns) /* the callback was left without a return */
		return poll->unwound || !poll->end_ns;
	return !poll->unwound && sample->start_ns <= poll->end_ns + TOLERANCE_NS &&
	       sample->end_ns <= poll->end_ns + TOLERANCE_NS;
}

/* How closely the program's clock and the trace's agree: an emulator has one of its own for each. */
static uint64_t clock_step_ns(void)
{
	return emulated() ? TOLERANCE_NS : SHORTER_NS;
}

/* How far the sample's begin and end are from the poll's, in steps. The pool's threads begin together, and each may be
 * kept from its core at one of the ends: the two together tell them apart. What the clocks cannot tell apart is taken
 * in order. */
static uint64_t sample_distance(const struct sample *sample, const struct poll *poll)
{
	uint64_t distance_ns = (uint64_t)llabs((int64_t)(sample->start_ns - poll->start_ns));

	if (sample->end_ns && poll->end_ns)
		distance_ns += (uint64_t)llabs((int64_t)(sample->end_ns - poll->end_ns));
	return distance_ns / clock_step_ns();
}

static size_t window_first(size_t rank)
{
	return rank < MATCH_WINDOW ? 0 : rank - MATCH_WINDOW;
}

/* Of the samples that are free and that this poll can be, the nearest. */
static struct sample *group_find(struct group *group, const struct poll *poll, size_t rank)
{
	struct sample *nearest = NULL;
	uint64_t least = UINT64_MAX;

	for (size_t i = window_first(rank); i < group->count && i < rank + MATCH_WINDOW; i++) {
		struct sample *sample = &group->samples[i];
		uint64_t distance = sample_distance(sample, poll);

		if (sample->poll || !sample_fits(sample, poll) || distance >= least)
			continue;
		nearest = sample;
		least = distance;
	}
	return nearest;
}

/* A sample for this poll, for which others may have to be given other ones: a poll that was kept from its core at its
 * end may have taken the sample of a shorter one. */
static bool group_assign(struct group *group, const struct poll *poll, size_t rank, size_t for_rank)
{
	struct sample *free_one = group_find(group, poll, rank);

	if (free_one) {
		free_one->poll = poll;
		free_one->rank = rank;
		return true;
	}
	for (size_t i = window_first(rank); i < group->count && i < rank + MATCH_WINDOW; i++) {
		struct sample *sample = &group->samples[i];

		if (sample->tried == for_rank + 1 || !sample_fits(sample, poll))
			continue;
		sample->tried = for_rank + 1;
		if (!group_assign(group, sample->poll, sample->rank, for_rank))
			continue;
		sample->poll = poll;
		sample->rank = rank;
		return true;
	}
	return false;
}

static void group_match(struct group *group, const struct poll *poll)
{
	cr_assert(group_assign(group, poll, group->matched, group->matched),
		  "%s %s: poll %zu of the trace, %" PRIu64 " to %" PRIu64 "%s, is none that the program counted",
		  group->kind, group->callback, group->matched, poll->start_ns, poll->end_ns,
		  poll->unwound ? " (unwound)" : "");
	group->matched++;
}

/* How much longer each poll is than what was timed inside it. */
static void group_measure(struct group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct sample *sample = &group->samples[i];

		if (sample->end_ns)
			group->excess_ns[i] = (int64_t)(sample->poll->end_ns - sample->poll->start_ns) -
					      (int64_t)(sample->end_ns - sample->start_ns);
	}
}

/* No poll is shorter than what was timed inside it; most are longer by next to nothing. A few may be longer by any
 * time, when the kernel took the CPU away between the two clocks: of few polls these can be the most. */
static void group_check_durations(struct group *group)
{
	/* An emulator translates code when it first runs, and its counter and clock calls have costs of their own. */
	int64_t more_ns = emulated() ? 50000000 : 0;

	qsort(group->excess_ns, group->count, sizeof(*group->excess_ns), compare_numbers);
	cr_assert_geq(group->excess_ns[0], -SHORTER_NS - more_ns,
		      "%s %s: a poll is %" PRId64 " ns shorter than its callback", group->kind, group->callback,
		      -group->excess_ns[0]);
	if (group->count < MEDIAN_MIN)
		return;
	cr_assert_leq(group->excess_ns[group->count / 2], TOLERANCE_NS + more_ns,
		      "%s %s: polls are %" PRId64 " ns longer than their callbacks", group->kind, group->callback,
		      group->excess_ns[group->count / 2]);
}

static bool group_has(const struct group *group, const struct poll *poll)
{
	return strcmp(group->kind, poll->kind) == 0 && name_is(poll->callback, group->callback) &&
	       (!group->caller[0] || name_is(poll->caller, group->caller));
}

/* Returns how many polls of the trace it accounts for. */
static size_t check_group(const struct trace *trace, const json_t *entry)
{
	struct group group = group_read(entry);
	size_t matched;

	for (size_t i = 0; i < trace->poll_count; i++)
		if (group_has(&group, &trace->polls[i]))
			group_match(&group, &trace->polls[i]);
	matched = group.matched;
	cr_assert_eq(matched, group.count, "%s %s, registered by %s: the program counted %zu, the trace has %zu",
		     group.kind, group.callback, group.caller[0] ? group.caller : "anybody", group.count, matched);
	group_measure(&group);
	group_check_durations(&group);
	free(group.samples);
	free(group.excess_ns);
	return matched;
}

void check_polls(const struct trace *trace, const json_t *truth, bool with_alloc)
{
	const json_t *polls = json_object_get(truth, "polls");
	size_t accounted = 0;

	for (size_t i = 0; i < json_array_size(polls); i++) {
		const json_t *entry = json_array_get(polls, i);

		if (with_alloc || strcmp(event_text(entry, "kind"), "alloc") != 0)
			accounted += check_group(trace, entry);
	}
	cr_assert_eq(trace->poll_count, accounted, "the program counted %zu polls, the trace has %zu", accounted,
		     trace->poll_count);
}

struct traced trace_program(const struct run *run)
{
	struct traced traced = {.result = run_well(run)};

	traced.truth = truth_read(traced.result.out);
	traced.trace = trace_read("uvtrace.data");
	cr_assert_eq(event_number(traced.trace.start, "lost"), 0, "%s: events were lost", run->program);
	cr_assert_eq(event_number(traced.trace.start, "missing"), 0, "%s: events are missing", run->program);
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
	return count_files("uvtrace.data", ".bin") > 0 && count_files("uvtrace.data", ".bin.open") == 0;
}

void wait_for_seal(void)
{
	cr_assert(wait_until(all_sealed, NULL), "the trace is not sealed");
}

/* ---- Analysis --------------------------------------------------------------------------------------------- */

json_t *analyze(const char *path, const char *option, ...)
{
	struct run run = {.program = build_path("analyze_trace"), .args = {"--json"}, .bare = true};
	struct result result;
	json_error_t error;
	json_t *report;
	int count = 1;
	va_list more;

	va_start(more, option);
	for (const char *next = option; next && count < HARNESS_ARGS_MAX - 2; next = va_arg(more, const char *))
		run.args[count++] = next;
	va_end(more);
	run.args[count] = path;
	result = run_program(&run);
	cr_assert_eq(result.status, 0, "analyze_trace %s: status %d: %s", path, result.status, result.err);
	report = json_loads(result.out, 0, &error);
	cr_assert_not_null(report, "analyze_trace --json %s: %s: %.200s", path, error.text, result.out);
	result_free(&result);
	return report;
}
