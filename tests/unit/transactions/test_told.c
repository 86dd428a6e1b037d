/* SPDX-License-Identifier: Apache-2.0
 *
 * Short ways that the engine takes give what the long ones do: a listener that needs few
 * transactions, and polls that end before anything else happens.
 */
#include "transactions/transaction_tally.h"
#include "transactions_helper.h"

#define MS 1000000ull

static size_t taken;

static void take_new(struct transaction_tally *tally)
{
	for (; taken < told_count; taken++)
		transaction_tally_take(tally, &told[taken].facts);
}

static bool tally_wants(void *arg, const struct transaction_glance *glance)
{
	take_new(arg);
	return transaction_tally_wants(arg, glance);
}

/* A long timer, reads behind it, one whose data lay there before, and short ones. */
static void feed(void)
{
	uint64_t at = 8 * MS;

	process_make(100 * MS);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 3 * MS, KIND_TIMER, 5),
	     poll(3 * MS + 2000, 100, KIND_READ, 6), poll(3 * MS + 2200, 4 * MS, KIND_TIMER, 5),
	     wait(7 * MS + 3000, 100, 1), poll(7 * MS + 3200, 100, SITE_READ_B, 7));
	for (int i = 0; i < 20; i++, at += 10000)
		FEED(LOOP_A, wait(at, 500, 1), poll(at + 600, 100, KIND_READ, 6));
	FEED(LOOP_A, wait(at, 500, 1));
	finish();
}

/* Returns how many were told. */
static size_t tally_feed(struct transaction_tally *tally, bool sifted)
{
	taken = 0;
	wanted.keep = 0;
	wanted.wants = sifted ? tally_wants : NULL;
	wanted.arg = tally;
	feed();
	take_new(tally);
	size_t count = told_count;
	done();
	return count;
}

Test(transactions_told, a_tally_is_the_same_of_those_that_it_wants)
{
	process_make(100 * MS);
	done();
	struct transaction_tally *all = transaction_tally_make(&process, MS);
	struct transaction_tally *few = transaction_tally_make(&process, MS);

	cr_assert(all && few);
	size_t told_all = tally_feed(all, false), told_few = tally_feed(few, true);
	cr_assert_eq(told_all, 24u);
	cr_assert_lt(told_few, 8u, "%zu were told", told_few);
	cr_assert_eq(all->behind[KIND_TIMER].transactions, 2u);
	cr_assert_eq(all->behind[KIND_TIMER].before, 1u);
	cr_assert(memcmp(all->behind, few->behind, SITES * sizeof(*all->behind)) == 0);
	cr_assert(memcmp(all->worst, few->worst, TRANSACTION_TALLY_ROWS * sizeof(*all->worst)) ==
		  0);
	transaction_tally_free(all);
	transaction_tally_free(few);
}

/* What another loop does meanwhile is told between the begin of each poll and its end. */
static size_t requests_feed(bool between, struct told list[])
{
	process_make(10000);
	FEED(LOOP_A, enter(100), wait(110, 890, 1), poll(1000, 100, KIND_READ, 5),
	     inside(1000, submit(KIND_WRITE, 6)), poll(1200, 100, KIND_WRITE, 6),
	     poll(1400, 100, KIND_ALLOC, 8), poll(1600, 100, KIND_READ, 8),
	     poll(1800, 100, KIND_TIMER, 9), wait(2000, 500, 0));
	for (uint64_t at = 1050; between && at < 2000; at += 200)
		FEED(LOOP_B, wait(at, 2, 0));
	finish();
	memcpy(list, told, sizeof(told));
	size_t count = told_count;
	done();
	return count;
}

Test(transactions_told, polls_with_nothing_between_are_as_all)
{
	static struct told at_once[TOLD_MAX], apart[TOLD_MAX];
	size_t count = requests_feed(false, at_once);

	cr_assert_eq(count, 3u);
	cr_assert_eq(requests_feed(true, apart), count);
	cr_assert_eq(at_once[0].facts.step_count, 2u);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(at_once[i].facts.end_tick, apart[i].facts.end_tick);
		cr_assert_eq(at_once[i].facts.id, apart[i].facts.id);
		cr_assert(memcmp(at_once[i].facts.parts, apart[i].facts.parts,
				 sizeof(apart[i].facts.parts)) == 0);
		cr_assert(memcmp(at_once[i].steps, apart[i].steps, sizeof(apart[i].steps)) == 0);
	}
}
