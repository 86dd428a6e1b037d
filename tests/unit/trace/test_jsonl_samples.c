/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples as JSON lines: which of the pool's samples a loop's line carries. The truth is a search
 * of its own for each loop's sample, by the rule in docs/jsonl.md.
 */
#include "jsonl_helper.h"

#define SAMPLES 3000
#define LOOPS	3

TestSuite(jsonl_samples, .init = setup, .fini = teardown);

/* A sample of loop 1 to LOOPS; 0: of the pool. What it tells is its place. */
static uint32_t loops[SAMPLES];

/* The pool's first one behind it, unless this loop is sampled again before; else the last one
 * before it. -1: there is none. */
static int pool_of(int at)
{
	int before = at;

	for (int i = at + 1; i < SAMPLES && loops[i] != loops[at]; i++)
		if (loops[i] == 0)
			return i;
	while (--before >= 0 && loops[before] != 0)
		;
	return before;
}

static bool follows_pool(int at)
{
	return at == 0 || loops[at - 1] == 0;
}

static void check_line(size_t line, int at)
{
	int pool = loops[at] == 0 ? at : pool_of(at);
	json_t *queued = json_object_get(lines[line], "pool_queued");

	cr_assert(is_event(line, "QueueSample"), "line %zu", line);
	cr_assert_eq(number_of(line, "active_requests"), loops[at] ? at : 0, "line %zu", line);
	cr_assert_eq(queued != NULL, pool >= 0, "line %zu", line);
	if (pool < 0)
		return;
	cr_assert_eq(json_integer_value(queued), pool, "line %zu", line);
	cr_assert_eq(number_of(line, "pool_running"), pool + 1, "line %zu", line);
	cr_assert_eq(number_of(line, "pool_threads"), pool + 2, "line %zu", line);
}

/* A sample of the pool has a line of its own only where no loop's line carries it. */
Test(jsonl_samples, of_loops_carry_the_pools_of_their_round)
{
	size_t line = 1;

	begin_file(1);
	for (int i = 0; i < SAMPLES; i++) {
		loops[i] = i == 0 ? 1 : (uint32_t)random() % (LOOPS + 1);
		builder_sample(builder, loops[i] ? TRACE_SAMPLE_QUEUE : TRACE_SAMPLE_POOL, loops[i],
			       (uint64_t)i * 100, (uint64_t)i, (uint64_t)i + 1, (uint64_t)i + 2);
	}
	end_file("trace.bin");
	convert();
	for (int i = 0; i < SAMPLES; i++)
		if (loops[i] != 0 || follows_pool(i))
			check_line(line++, i);
	cr_assert_eq(count_events("QueueSample"), line - 1);
}
