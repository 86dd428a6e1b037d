/* SPDX-License-Identifier: Apache-2.0
 *
 * What exports look transactions up in: records by time that do not fit into memory
 * (tick_spill.h), and the steps of transactions in them (step_index.h).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "transactions/native/step_index.h"
#include "transactions/native/tick_spill.h"

/* ---- Records by time ------------------------------------------------------------------------- */

struct record {
	uint64_t tick, value;
};

#define RECORDS 10000
#define PIECE	97

static uint64_t shuffled(uint64_t i)
{
	return i * 7919 % RECORDS / 3;
}

static struct tick_spill *spill_fill(void)
{
	struct tick_spill *spill = tick_spill_make(sizeof(struct record), PIECE);

	cr_assert_not_null(spill);
	for (uint64_t i = 0; i < RECORDS; i++) {
		struct record record = {shuffled(i), i};

		cr_assert_eq(tick_spill_put(spill, &record), 0);
	}
	cr_assert_eq(tick_spill_finish(spill), 0);
	return spill;
}

Test(tick_spill, gives_each_record_once_by_time_to_each_reader)
{
	struct tick_spill *spill = spill_fill();
	struct tick_spill_reader *readers[] = {tick_spill_read(spill), tick_spill_read(spill)};
	static bool seen[2][RECORDS];
	uint64_t last[2] = {0, 0};

	/* The second one is read at half the pace of the first. */
	for (size_t i = 0; i < 2 * RECORDS + 2; i++) {
		size_t which = i % 3 == 2;
		const struct record *record = tick_spill_next(readers[which]);

		if (!record)
			continue;
		cr_assert_geq(record->tick, last[which]);
		cr_assert_eq(record->tick, shuffled(record->value));
		cr_assert_not(seen[which][record->value]);
		seen[which][record->value] = true;
		last[which] = record->tick;
	}
	for (size_t i = 0; i < RECORDS; i++)
		cr_assert(seen[0][i]);
	cr_expect_null(tick_spill_next(readers[0]));
	cr_expect_eq(tick_spill_error(readers[0]), 0);
	tick_spill_close(readers[0]);
	tick_spill_close(readers[1]);
	tick_spill_free(spill);
}

Test(tick_spill, of_nothing_gives_nothing)
{
	struct tick_spill *spill = tick_spill_make(sizeof(struct record), PIECE);

	cr_assert_eq(tick_spill_finish(spill), 0);
	struct tick_spill_reader *reader = tick_spill_read(spill);
	cr_expect_null(tick_spill_next(reader));
	cr_expect_null(tick_spill_next(reader));
	tick_spill_close(reader);
	tick_spill_free(spill);
}

Test(tick_spill, a_disk_that_is_full_is_an_error)
{
	const struct rlimit none = {PIECE, PIECE};
	struct tick_spill *spill = tick_spill_make(sizeof(struct record), PIECE);
	struct record record = {1, 1};
	int error = 0;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (size_t i = 0; error == 0 && i < PIECE; i++)
		error = tick_spill_put(spill, &record);
	cr_expect_eq(error, -EFBIG);
	tick_spill_free(spill);
}

Test(tick_spill, a_folder_that_is_not_there_is_an_error)
{
	struct tick_spill *spill = tick_spill_make(sizeof(struct record), PIECE);
	struct record record = {1, 1};

	setenv("TMPDIR", "/nonexistent", 1);
	cr_assert_eq(tick_spill_put(spill, &record), 0);
	cr_expect_eq(tick_spill_finish(spill), -ENOENT);
	tick_spill_free(spill);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

#define START_NS 1000

static struct trace_worker workers[] = {{.worker = 1}, {.worker = 7}};
static struct trace_clock_range range = {
    .end_tick = UINT64_MAX, .end_ns = UINT64_MAX, .rate = (uint64_t)1 << TRACE_RATE_BITS};
static const struct trace_process process = {.workers = workers,
					     .worker_count = 2,
					     .start_mono_ns = START_NS,
					     .clock_ranges = &range,
					     .clock_range_count = 1};

/* A root on the first worker, and on the second one what it caused by way of the pool. */
static struct step_index *index_make(void)
{
	const struct transaction_step steps[] = {
	    {.parent = TRANSACTION_NO_STEP, .tick = 2000, .end_tick = 2100},
	    {.cause = CAUSE_REQUEST,
	     .worker = 1,
	     .caused_tick = 2050,
	     .run_tick = 2200,
	     .run_end_tick = 2300,
	     .tick = 2400,
	     .end_tick = 2500},
	};
	const struct transaction transaction = {
	    .id = step_poll_id(&process, 0, 2000), .steps = steps, .step_count = 2, .signature = 9};
	struct step_index *index = step_index_make(&process);

	cr_assert_not_null(index);
	step_index_add(index, &transaction);
	cr_assert_eq(step_index_finish(index), 0);
	return index;
}

Test(step_index, a_poll_has_the_id_of_a_transaction)
{
	char text[TRANSACTION_ID_CHARS];

	transaction_id_print(step_poll_id(&process, 1, START_NS + 55), text);
	cr_expect_str_eq(text, "55.7");
}

Test(step_index, knows_polls_what_they_caused_and_work_on_the_pool)
{
	struct step_index *index = index_make();
	struct step_reader *reader = step_reader_open(index, 0);
	size_t count;
	const struct step_record *records = step_reader_at(reader, 2000, &count), *found;

	cr_assert_eq(count, 2);
	found = step_record_find(records, count, 0);
	cr_assert_not_null(found);
	cr_expect_eq(found->parent, 0);
	cr_expect_eq(found->transaction, found->id);
	cr_expect_eq(found->signature, 9);
	found = &records[found == &records[0]];
	cr_expect_eq(found->type, STEP_RECORD_FLOW);
	cr_expect_eq(found->id, step_poll_id(&process, 1, 2400));

	records = step_reader_at(reader, 2200, &count);
	cr_assert_eq(count, 1);
	cr_expect_eq(records[0].type, STEP_RECORD_WORK);
	records = step_reader_at(reader, 2300, &count);
	cr_assert_eq(count, 1);
	cr_expect_eq(records[0].type, STEP_RECORD_ITEM);
	cr_expect_eq(records[0].parent, 2200);

	records = step_reader_at(reader, 2400, &count);
	cr_expect_null(step_record_find(records, count, 0));
	found = step_record_find(records, count, 1);
	cr_assert_not_null(found);
	cr_expect_eq(found->parent, step_poll_id(&process, 0, 2000));
	step_reader_close(reader);
	step_index_free(index);
}

Test(step_index, looks_back_as_far_as_it_was_asked_to)
{
	struct step_index *index = index_make();
	struct step_reader *reader = step_reader_open(index, 100);
	size_t count;

	step_reader_at(reader, 2350, &count);
	cr_expect_eq(count, 0);
	step_reader_at(reader, 2300, &count);
	cr_expect_eq(count, 1);
	step_reader_at(reader, 2200, &count);
	cr_expect_eq(count, 0);
	step_reader_close(reader);
	step_index_free(index);
}
