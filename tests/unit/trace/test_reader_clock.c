/* SPDX-License-Identifier: Apache-2.0
 *
 * Ticks to nanoseconds: right at the pairs and between them, never backwards, whatever the pairs
 * say.
 */
#include "../reader_helper.h"

static struct builder *builder;

static void setup(void)
{
	dir_make();
	builder = builder_new();
}

static void teardown(void)
{
	builder_free(builder);
	dir_remove();
}

TestSuite(reader_clock, .init = setup, .fini = teardown);

static struct trace *open_with(struct trace_file_header header,
			       const struct trace_clock_pair *pairs, size_t count)
{
	builder->bytes = 0;
	builder_header(builder, header);
	for (size_t i = 0; i < count; i++)
		builder_block(builder, TRACE_BLOCK_CLOCK, &pairs[i], sizeof(pairs[i]));
	return open_bytes(builder->data, builder->bytes);
}

static struct trace_file_header header_make(uint8_t shift, uint64_t counter, uint64_t mono_ns)
{
	struct trace_file_header header = builder_default_header(1);

	header.unit_shift = shift;
	header.start_tick = counter >> shift;
	header.start_mono_ns = mono_ns;
	header.start_real_ns = mono_ns + 1000000000000ull;
	return header;
}

static void assert_near(uint64_t found, uint64_t expected, uint64_t by, const char *what)
{
	cr_assert_leq(found > expected ? found - expected : expected - found, by,
		      "%s: %llu, not %llu", what, (unsigned long long)found,
		      (unsigned long long)expected);
}

Test(reader_clock, pieces_of_different_rates)
{
	/* 2 counts a nanosecond, then 3, then 2.5. */
	static const struct trace_clock_pair pairs[] = {
	    {9000000, 3000000, 3001000}, {2000000, 1000000, 1001000},
	    {4000000, 2000000, 2001000}, {6000000, 2000000 + 666667, 5000000},
	    {6000000, 2700000, 2700000}, {5000000, 1500000, 2700000}};
	struct trace_file_header header = header_make(3, 2000000, 1000000);
	struct trace *trace =
	    open_with(header, pairs, 6); /* the last two went back, or stood still */
	const struct trace_process *process = &trace->processes[0];

	assert_near(trace_ns(process, 2000000 >> 3), 1000000, 4, "first pair");
	assert_near(trace_ns(process, 3000000 >> 3), 1500000, 4, "between");
	assert_near(trace_ns(process, 4000000 >> 3), 2000000, 4, "second pair");
	assert_near(trace_ns(process, 5000000 >> 3), 2333333, 4, "between");
	assert_near(trace_ns(process, 9000000 >> 3), 3000000, 4, "last pair");
	assert_near(trace_ns(process, 9000000 / 8 + 7000000 / 8), 5000000, 8,
		    "after: 3.5 counts a ns over all");
	assert_near(trace_ns(process, 1000000 >> 3), 1000000 - 285714, 8, "before");
	assert_near(trace_real_ns(process, 3000000 >> 3), 1501000, 4, "wall clock");
	assert_near(trace_real_ns(process, 7000000 >> 3), 2666667 + 111111 + 2333333, 8,
		    "wall clock after a step");
	trace_close(trace);
}

Test(reader_clock, one_pair_and_the_start_give_the_rate)
{
	static const struct trace_clock_pair pair = {200000000, 90000000, 0};
	struct trace *trace = open_with(header_make(4, 100000000, 50000000), &pair, 1);

	assert_no_problem(trace);
	assert_near(trace_ns(&trace->processes[0], 150000000 >> 4), 70000000, 8, "between");
	assert_near(trace_ns(&trace->processes[0], 1200000000 >> 4), 490000000, 80, "after");
	trace_close(trace);
}

static void assert_monotonic(const struct trace_process *process)
{
	uint64_t last = 0;

	for (unsigned bit = 3; bit < 64; bit++)
		for (uint64_t add = 0; add < 5; add++) {
			uint64_t ns = trace_ns(process, (1ull << bit) + add);

			cr_assert_geq(ns, last, "tick 2^%u + %llu", bit, (unsigned long long)add);
			last = ns;
		}
	cr_assert_geq(trace_ns(process, UINT64_MAX), last);
}

Test(reader_clock, never_backwards_whatever_the_pairs_say)
{
	srandom(11);
	for (int round = 0; round < 500; round++) {
		struct trace_clock_pair pairs[6];
		struct trace *trace;

		for (size_t i = 0; i < 6; i++) {
			pairs[i].counter = (uint64_t)random() << random() % 33 ^ random();
			pairs[i].mono_ns = (uint64_t)random() << random() % 33 ^ random();
			pairs[i].real_ns = random();
		}
		trace =
		    open_with(header_make(random() % 17, random(), random()), pairs, random() % 7);
		assert_monotonic(&trace->processes[0]);
		trace_close(trace);
	}
}

Test(reader_clock, fine_steps_never_go_back_where_pieces_meet)
{
	struct trace_clock_pair pairs[100];
	uint64_t last = 0;
	struct trace *trace;

	srandom(12);
	for (uint64_t i = 0; i < 100; i++)
		pairs[i] = (struct trace_clock_pair){1000000 + i * 26000 + random() % 900,
						     5000000 + i * 10000 + random() % 300, 0};
	trace = open_with(header_make(5, pairs[0].counter, pairs[0].mono_ns), pairs, 100);
	for (uint64_t tick = 900000 >> 5; tick < 4000000 >> 5; tick++) {
		uint64_t ns = trace_ns(&trace->processes[0], tick);

		cr_assert_geq(ns, last, "tick %llu", (unsigned long long)tick);
		cr_assert_eq(ns,
			     trace_range_ns(trace_clock_range(&trace->processes[0], tick), tick));
		last = ns;
	}
	trace_close(trace);
}

Test(reader_clock, pairs_closer_than_a_unit_do_not_cross)
{
	static const struct trace_clock_pair pairs[] = {
	    {32000, 1000000, 0}, {32063, 1000001, 0}, {42063, 1100001, 0}, {10042063, 1200001, 0}};
	struct trace *trace = open_with(header_make(5, 32000, 1000000), pairs, 4);
	uint64_t last = 0;

	for (uint64_t tick = 990; tick < 1400; tick++) {
		cr_assert_geq(trace_ns(&trace->processes[0], tick), last, "tick %d", (int)tick);
		last = trace_ns(&trace->processes[0], tick);
	}
	trace_close(trace);
}

Test(reader_clock, monotonic_clock_is_exact)
{
	static const struct trace_clock_pair pairs[] = {{1000000000, 1000000050, 7000000050},
							{2000000000, 2000000900, 8000000900}};
	struct trace_file_header header = header_make(3, 1000000000, 1000000000);
	struct trace *trace;

	header.clock = TRACE_CLOCK_MONOTONIC;
	trace = open_with(header, pairs, 2);
	assert_near(trace_ns(&trace->processes[0], 1500000000 >> 3), 1500000000, 900, "between");
	cr_assert_eq(trace_ns(&trace->processes[0], (1500000000 + 800) >> 3) -
			 trace_ns(&trace->processes[0], 1500000000 >> 3),
		     800, "a difference is what the clock said");
	trace_close(trace);
}

Test(reader_clock, no_pair_is_a_problem)
{
	struct trace *trace = open_with(header_make(5, 32000, 1000), NULL, 0);

	assert_problem(trace, "its clock was never compared with the time");
	assert_monotonic(&trace->processes[0]);
	trace_close(trace);
}

/* The first pair is ten years ahead, and its clock went three times as fast; all others agree. */
Test(reader_clock, first_pair_against_all_others_is_left_out)
{
	static const struct trace_clock_pair pairs[] = {{2100000, 1050000, 1000001050000ull},
							{4000000, 2000000, 1000002000000ull},
							{9000000, 4500000, 1000004500000ull}};
	struct trace *trace = open_with(header_make(3, 2000000, 315360000000000000ull), pairs, 3);
	const struct trace_process *process = &trace->processes[0];

	assert_no_problem(trace);
	assert_near(trace_ns(process, 2000000 >> 3), 1000000, 8, "start");
	assert_near(process->start_mono_ns, 1000000, 8, "start of recording");
	assert_near(process->start_real_ns, 1000001000000ull, 8, "its wall clock");
	assert_near(trace_ns(process, 3000000 >> 3), 1500000, 8, "between");
	cr_assert_eq(process->note_count, 1, "nothing is said");
	trace_close(trace);
}

/* ... or years behind. */
Test(reader_clock, first_pair_before_all_others_is_left_out)
{
	static const struct trace_clock_pair pairs[] = {{2100000, 400000001050000ull, 0},
							{9000000, 400000004500000ull, 0}};
	struct trace *trace = open_with(header_make(3, 2000000, 1000), pairs, 2);

	assert_no_problem(trace);
	assert_near(trace_ns(&trace->processes[0], 2000000 >> 3), 400000001000000ull, 8, "start");
	cr_assert_eq(trace->processes[0].note_count, 1, "nothing is said");
	trace_close(trace);
}

/* Others that are close together or disagree are no evidence against the first. */
Test(reader_clock, first_pair_stays_where_the_others_are_no_better)
{
	static const struct trace_clock_pair close[] = {{2000000000, 1000000000, 0},
							{2000100000, 1000090000, 0}};
	static const struct trace_clock_pair apart[] = {
	    {2000000000, 1000000000, 0}, {4000000000, 4000000000, 0}, {6000000000, 5000000000, 0}};
	struct trace *trace = open_with(header_make(3, 2000000, 1000000), close, 2);

	assert_near(trace_ns(&trace->processes[0], 2000000 >> 3), 1000000, 8, "start");
	cr_assert_eq(trace->processes[0].note_count, 0);
	trace_close(trace);
	trace = open_with(header_make(3, 2000000, 900000000), apart, 3);
	assert_near(trace_ns(&trace->processes[0], 2000000 >> 3), 900000000, 8, "start");
	cr_assert_eq(trace->processes[0].note_count, 0);
	trace_close(trace);
}
