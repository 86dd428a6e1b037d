/* SPDX-License-Identifier: Apache-2.0
 *
 * Findings over the processes of a trace: one of them is hot, and its siblings are idle.
 */
#include "../reader_helper.h"
#include "report/findings_text.h"

#define ROUNDS	  100
#define ROUND_MS  10
#define CALLBACK  0x1000
#define COUNTERS  2500000 /* of a millisecond */
#define PROCESSES 4

TestSuite(findings_processes, .init = dir_make, .fini = dir_remove);

/* What a process' loop does in each round of 10 ms. */
struct job {
	uint8_t kind;
	uint64_t busy_ms;
	uint64_t callback;
	unsigned runs; /* rounds with a callback */
};

static size_t rounds_make(struct record *records, const struct job *job)
{
	uint64_t counter = 40000000;
	size_t n = 0;

	records[n++] = (struct record){counter, trace_word(0x7000, TRACE_LOOP_ENTER)};
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t busy = i < job->runs ? job->busy_ms * COUNTERS : 0;
		records[n++] = (struct record){counter += 1000, TRACE_PARK};
		counter += ROUND_MS * COUNTERS - busy - 1000;
		records[n++] = (struct record){counter, trace_word(1, TRACE_UNPARK)};
		if (i >= job->runs)
			continue;
		records[n++] = (struct record){counter, trace_word(0x5000, TRACE_CODE_POLL)};
		records[n++] = (struct record){counter += busy, TRACE_POLL_END};
	}
	return n;
}

static void process_write(uint32_t pid, const struct job *job)
{
	struct record records[4 * ROUNDS + 1];
	size_t count = rounds_make(records, job);
	uint64_t end = records[count - 1].counter;
	struct builder *builder = builder_new();
	struct encoder encoder;
	struct trace_worker_entry worker = {.worker = 1,
					    .tid = pid,
					    .role = TRACE_ROLE_LOOP,
					    .start_tick = records[0].counter >> HELPER_SHIFT,
					    .recorded = count};
	char name[32];

	builder_header(builder, builder_default_header(pid));
	builder_kinds(builder, 72);
	builder_site(builder, 0, job->kind, job->callback, 0x2000, "serve");
	builder_clock(builder, 12800000);
	encoder_init(&encoder, 1, HELPER_SHIFT);
	builder_events(builder, &encoder,
		       (struct encoder_source){records, (1ull << 40) - 1, 0, count});
	builder_worker(builder, &worker, "worker");
	builder_clock(builder, end / 5 * 2);
	builder_seal(builder, TRACE_SEAL_EXIT, end >> HELPER_SHIFT, count, 0);
	snprintf(name, sizeof(name), "trace.%u.1.bin", pid);
	builder_write(builder, in_dir(name));
	builder_free(builder);
}

/* The title of that finding; "" where there is none. */
static char *uneven(const struct job jobs[PROCESSES])
{
	const char *path = in_dir("");
	struct thresholds thresholds = thresholds_default();
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	char *title = strdup("");

	for (uint32_t i = 0; i < PROCESSES; i++)
		process_write(70 + i, &jobs[i]);
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	cr_assert_eq(trace->process_count, PROCESSES);
	for (size_t i = 0; i < PROCESSES; i++) {
		struct timeline *timeline = timeline_read(trace, i, &options, NULL, NULL);
		struct symbols *symbols = symbols_open(&trace->processes[i]);
		struct findings_input input = {.trace = trace,
					       .process = i,
					       .timeline = timeline,
					       .symbols = symbols,
					       .thresholds = &thresholds};
		struct findings *findings = findings_with_text(&input);
		for (size_t k = 0; k < findings->count; k++) {
			if (findings->list[k].id != FINDING_UNEVEN_PROCESSES)
				continue;
			free(title);
			title = strdup(findings->list[k].text.title);
		}
		findings_free(findings);
		symbols_close(symbols);
		timeline_free(timeline);
	}
	trace_close(trace);
	return title;
}

static void check_uneven_of(const struct job jobs[PROCESSES], unsigned pid, const char *why)
{
	char *title = uneven(jobs), expected[32] = "";

	if (pid)
		snprintf(expected, sizeof(expected), "Process %u was busy", pid);
	cr_assert_eq(strncmp(title, expected, strlen(expected)), 0, "%s: %s", why, title);
	cr_assert(pid || !*title, "%s: %s", why, title);
	free(title);
}

static void check_uneven(const struct job jobs[PROCESSES], bool expected, const char *why)
{
	check_uneven_of(jobs, expected ? 70 : 0, why);
}

Test(findings_processes, tell_of_one_that_is_hot_among_idle_siblings)
{
	struct job jobs[PROCESSES] = {{KIND_READ, 9, CALLBACK, ROUNDS},
				      {KIND_READ, 1, CALLBACK, ROUNDS},
				      {KIND_READ, 1, CALLBACK, 20}};

	check_uneven(jobs, true, "one is hot");
	jobs[2] = (struct job){KIND_READ, 9, 0x9000, ROUNDS};
	check_uneven(jobs, true, "another job is no sibling");
	jobs[2] = (struct job){KIND_READ, 3, CALLBACK, ROUNDS};
	check_uneven(jobs, false, "a sibling is busy too");
	jobs[2] = jobs[1];
	jobs[0].busy_ms = 5;
	check_uneven(jobs, false, "none is hot");
}

Test(findings_processes, compare_those_that_do_the_same)
{
	struct job jobs[PROCESSES] = {{KIND_READ, 9, CALLBACK, ROUNDS},
				      {KIND_READ, 1, 0x9000, ROUNDS},
				      {KIND_READ, 1, CALLBACK, 2}};

	check_uneven(jobs, false, "another callback, and next to nothing");
	jobs[0].kind = jobs[1].kind = KIND_TIMER;
	jobs[1].callback = CALLBACK;
	check_uneven(jobs, false, "timers are no work that others bring");
	jobs[0].kind = KIND_CONNECTION;
	jobs[1].kind = KIND_READ;
	check_uneven(jobs, false, "one accepts, the other reads");
	jobs[1].kind = KIND_CONNECTION;
	check_uneven(jobs, true, "both accept");
}

/* The first process forked the others; of those, one gets all that is to be done. */
Test(findings_processes, tell_of_one_that_gets_all_the_work)
{
	const struct job none = {KIND_READ, 1, CALLBACK, 2}, all = {KIND_READ, 9, CALLBACK, ROUNDS};
	struct job jobs[PROCESSES] = {none, none, none, all};

	check_uneven_of(jobs, 73, "two get none");
	jobs[2] = (struct job){KIND_READ, 1, 0x9000, ROUNDS};
	check_uneven_of(jobs, 0, "one that gets none is an accident");
	jobs[2] = none;
	jobs[3] = none;
	jobs[0] = all;
	check_uneven_of(jobs, 0, "the one that forked them is no sibling");
	jobs[0] = none;
	jobs[3] = (struct job){KIND_TIMER, 9, CALLBACK, ROUNDS};
	check_uneven_of(jobs, 0, "a job of its own");
}
