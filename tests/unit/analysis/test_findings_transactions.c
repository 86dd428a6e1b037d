/* SPDX-License-Identifier: Apache-2.0
 *
 * What findings make of transactions that are made by hand: which tails are slow, by what and whom,
 * who tells it, and how many transactions other findings delayed.
 */
#include "findings_helper.h"
#include "transactions/transaction_tally.h"

static struct transaction_signature signature;
static struct transactions transactions;
static struct transaction_tally *tally;
static uint32_t path[2];

/* 300 transactions, 3 in the tail: of each half of them (in ms) so much in one part, all else own.
 */
static void slow_make(enum transaction_part part, uint64_t usual_ms, uint64_t tail_ms)
{
	path[0] = SITE_READ;
	path[1] = SITE_WRITE;
	signature =
	    (struct transaction_signature){.hash = 7, .sites = path, .site_count = 2, .count = 300};
	signature.median =
	    (struct transaction_share){.count = 10, .ticks = 10 * (usual_ms + 1) * MS};
	signature.median.parts[PART_OWN] = 10 * MS;
	signature.median.parts[part] += 10 * usual_ms * MS;
	signature.tail = (struct transaction_share){.count = 3, .ticks = 3 * (tail_ms + 1) * MS};
	signature.tail.parts[PART_OWN] = 3 * MS;
	signature.tail.parts[part] += 3 * tail_ms * MS;
	transactions =
	    (struct transactions){.signatures = &signature, .signature_count = 1, .count = 300};
}

static void named(uint32_t site)
{
	struct transaction_behind name = {site, signature.tail.parts[PART_BEHIND] +
						    signature.tail.parts[PART_POOL_WAIT]};

	if (signature.tail.parts[PART_BEHIND] > 0)
		signature.tail.behind_by[0] = name;
	else
		signature.tail.busy_by[0] = name;
}

/* A transaction of two steps: read at `begin`, write after so many ms of one part. */
static void tally_take(enum transaction_part part, uint64_t begin, uint64_t ms, uint32_t behind)
{
	struct transaction_step steps[2] = {
	    {.parent = TRANSACTION_NO_STEP,
	     .site = SITE_READ,
	     .caused_tick = begin,
	     .ready_tick = begin,
	     .tick = begin,
	     .end_tick = begin + MS / 2,
	     .in_path = true},
	    {.site = SITE_WRITE,
	     .cause = CAUSE_REQUEST,
	     .caused_tick = begin + 3 * MS / 8,
	     .tick = begin + 3 * MS / 8 + ms * MS,
	     .end_tick = begin + MS / 2 + ms * MS,
	     .in_path = true},
	};
	struct transaction transaction = {.id = 1,
					  .begin_tick = begin,
					  .end_tick = steps[1].end_tick,
					  .steps = steps,
					  .step_count = 2,
					  .signature = 7};

	steps[1].parts[part] = transaction.parts[part] = ms * MS;
	if (part == PART_BEHIND)
		steps[1].behind[0] = (struct transaction_behind){behind, ms * MS};
	if (part == PART_POOL_WAIT)
		steps[1].busy[0] = (struct transaction_behind){behind, ms * MS};
	transaction_tally_take(tally, &transaction);
}

static void begin(void)
{
	set_up(1000 * MS, 0);
	tally = transaction_tally_make(&process, MS);
	cr_assert_not_null(tally);
}

static void find_all(void)
{
	struct findings_input input = {.timeline = timeline,
				       .symbols = symbols,
				       .thresholds = &thresholds,
				       .transactions = &transactions,
				       .tally = tally};

	finish();
	findings = findings_with_text(&input);
	cr_assert_not_null(findings);
}

static void end(void)
{
	transaction_tally_free(tally);
	done();
}

/* ---- Slow tails ------------------------------------------------------------------------------ */

Test(findings_transactions, names_whom_the_tail_waited_behind)
{
	begin();
	slow_make(PART_BEHIND, 0, 60);
	named(SITE_CHECK);
	find_all();
	const struct finding *finding = finding_of(FINDING_SLOW_TRANSACTIONS);
	cr_assert(finding && finding->severity == SEVERITY_WARNING);
	cr_assert_str_eq(finding->text.culprit, "on_check");
	cr_assert_not_null(strstr(finding->text.title,
				  "slowest 3 of 300 transactions that begin in on_read (read) took "
				  "61.0 ms on average, 1.00 ms at the median: 60.0 ms of that "
				  "behind on_check."),
			   "%s", finding->text.title);
	cr_assert_eq(finding->cost_ns, 180 * MS);
	end();
}

/* The part, and the step of the slowest transaction that most of it was spent on. */
Test(findings_transactions, names_the_request_that_took_long)
{
	static const struct {
		enum transaction_part part;
		const char *said;
	} rows[] = {{PART_EXTERNAL, "outside of the program, until on_write (write)."},
		    {PART_POOL_RUN, "in the pool's work for on_write (write)."}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin();
		slow_make(rows[i].part, 2, 150);
		tally_take(rows[i].part, MS, 150, 0);
		tally_take(PART_OWN, 300 * MS, 1, 0);
		find_all();
		const struct finding *finding = finding_of(FINDING_SLOW_TRANSACTIONS);
		cr_assert(finding && finding->severity == SEVERITY_WARNING, "%zu", i);
		cr_assert_str_eq(finding->text.culprit, "on_write");
		cr_assert_not_null(strstr(finding->text.title, rows[i].said), "%s",
				   finding->text.title);
		end();
	}
}

/* Each side of each threshold: ratio, difference, number, one cause. */
Test(findings_transactions, healthy_tails_are_not_told)
{
	static const struct {
		enum transaction_part part;
		uint64_t usual_ms, tail_ms, count;
		int severity; /* -1: not told */
	} rows[] = {
	    {PART_BEHIND, 0, 26, 300, SEVERITY_WARNING},
	    {PART_BEHIND, 0, 24, 300, SEVERITY_NOTE},
	    {PART_BEHIND, 0, 9, 300, -1},
	    {PART_BEHIND, 0, 60, 99, -1},
	    {PART_BEHIND, 25, 60, 300, -1},
	    {PART_EXTERNAL, 1, 90, 300, SEVERITY_NOTE},
	    {PART_POOL_RUN, 1, 90, 300, SEVERITY_NOTE},
	    {PART_OWN, 1, 900, 300, SEVERITY_NOTE},
	    {PART_KERNEL, 0, 60, 300, SEVERITY_WARNING},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		begin();
		slow_make(rows[i].part, rows[i].usual_ms, rows[i].tail_ms);
		signature.count = rows[i].count;
		find_all();
		const struct finding *finding = finding_of(FINDING_SLOW_TRANSACTIONS);
		cr_expect_eq(finding ? (int)finding->severity : -1, rows[i].severity, "%zu", i);
		end();
	}
}

Test(findings_transactions, several_causes_are_none)
{
	begin();
	slow_make(PART_BEHIND, 0, 28);
	signature.tail.parts[PART_EXTERNAL] += 3 * 28 * MS;
	signature.tail.parts[PART_POOL_WAIT] += 3 * 28 * MS;
	signature.tail.ticks += 6 * 28 * MS;
	find_all();
	cr_assert_null(finding_of(FINDING_SLOW_TRANSACTIONS));
	end();
}

Test(findings_transactions, signatures_of_one_cause_are_one_finding)
{
	struct transaction_signature both[2];

	begin();
	slow_make(PART_BEHIND, 0, 60);
	named(SITE_CHECK);
	both[0] = both[1] = signature;
	transactions.signatures = both;
	transactions.signature_count = 2;
	find_all();
	size_t told = 0;
	for (size_t i = 0; i < findings->count; i++)
		told += findings->list[i].id == FINDING_SLOW_TRANSACTIONS;
	cr_assert_eq(told, 1);
	const struct finding *finding = finding_of(FINDING_SLOW_TRANSACTIONS);
	cr_assert_eq(finding->cost_ns, 360 * MS);
	cr_assert_not_null(strstr(finding->text.evidence, "1 more signature is slow"), "%s",
			   finding->text.evidence);
	end();
}

/* ---- Who tells it ---------------------------------------------------------------------------- */

/* on_timer blocks the loop for 60 ms, and a read is behind it. */
static void blocking_feed(void)
{
	FEED(0, instant(MS, 1, TRACE_LOOP_ENTER), wait(2 * MS, MS, 1),
	     poll(3 * MS, 60 * MS, SITE_TIMER, 1), poll(63 * MS, MS, SITE_READ, 2),
	     wait(65 * MS, MS, 0));
}

Test(findings_transactions, who_blocks_is_told_once_with_whom_it_delayed)
{
	begin();
	slow_make(PART_BEHIND, 0, 60);
	named(SITE_TIMER);
	tally_take(PART_BEHIND, 3 * MS, 60, SITE_TIMER);
	tally_take(PART_BEHIND, 4 * MS, 59, SITE_TIMER);
	blocking_feed();
	find_all();
	const struct finding *finding = &findings->list[0];
	cr_assert_eq(finding->site, (uint32_t)SITE_TIMER);
	cr_assert_gt(finding->severity, SEVERITY_NOTE);
	cr_assert(finding->delay.known && !finding->delay.at_most);
	cr_assert_eq(finding->delay.transactions, 2);
	cr_assert_eq(finding->delay.ns, 119 * MS);
	cr_assert_null(finding_of(FINDING_SLOW_TRANSACTIONS));
	end();
}

Test(findings_transactions, another_culprit_is_told_beside_one_that_blocks)
{
	begin();
	slow_make(PART_BEHIND, 0, 60);
	named(SITE_CHECK);
	blocking_feed();
	find_all();
	cr_assert_not_null(finding_of(FINDING_SLOW_TRANSACTIONS));
	cr_assert_not_null(finding_of(FINDING_BLOCKED));
	end();
}

/* What was blocked for longer, but nobody's transaction waited, comes after it. */
Test(findings_transactions, what_somebody_waited_for_comes_first)
{
	begin();
	slow_make(PART_OWN, 0, 1);
	tally_take(PART_BEHIND, 3 * MS, 40, SITE_TIMER);
	FEED(0, instant(MS, 1, TRACE_LOOP_ENTER), wait(2 * MS, MS, 1),
	     poll(3 * MS, 60 * MS, SITE_TIMER, 1), poll(63 * MS, MS, SITE_READ, 2),
	     wait(65 * MS, MS, 1), poll(66 * MS, 100 * MS, SITE_POLL, 3),
	     poll(166 * MS, MS, SITE_READ, 2), wait(168 * MS, MS, 0));
	find_all();
	cr_assert_geq(findings->count, 2);
	cr_assert_eq(findings->list[0].site, (uint32_t)SITE_TIMER, "%s",
		     findings->list[0].text.title);
	cr_assert_eq(findings->list[1].site, (uint32_t)SITE_POLL);
	cr_assert_gt(findings->list[1].cost_ns, findings->list[0].cost_ns);
	cr_assert_eq(findings->list[1].delay.transactions, 0);
	end();
	/* Without transactions what it cost decides. */
	begin();
	transactions.count = 0;
	transactions.signature_count = 0;
	FEED(0, instant(MS, 1, TRACE_LOOP_ENTER), wait(2 * MS, MS, 1),
	     poll(3 * MS, 60 * MS, SITE_TIMER, 1), poll(63 * MS, MS, SITE_READ, 2),
	     wait(65 * MS, MS, 1), poll(66 * MS, 100 * MS, SITE_POLL, 3),
	     poll(166 * MS, MS, SITE_READ, 2), wait(168 * MS, MS, 0));
	find_all();
	cr_assert_eq(findings->list[0].site, (uint32_t)SITE_POLL);
	cr_assert(!findings->list[0].delay.known);
	end();
}

/* Whose data may have lain there before their turn are told apart, and count by half. */
Test(findings_transactions, who_may_have_waited_before_its_turn_is_told)
{
	struct transaction_step root = {.parent = TRANSACTION_NO_STEP, .in_path = true};
	struct transaction transaction = {.begin_tick = 63 * MS,
					  .end_tick = 64 * MS,
					  .steps = &root,
					  .step_count = 1,
					  .before_ticks = 60 * MS,
					  .before_site = SITE_TIMER,
					  .signature = 7};

	begin();
	slow_make(PART_OWN, 0, 1);
	tally_take(PART_BEHIND, 3 * MS, 40, SITE_POLL);
	transaction_tally_take(tally, &transaction);
	transaction_tally_take(tally, &transaction);
	FEED(0, instant(MS, 1, TRACE_LOOP_ENTER), wait(2 * MS, MS, 1),
	     poll(3 * MS, 60 * MS, SITE_TIMER, 1), poll(63 * MS, MS, SITE_READ, 2),
	     wait(65 * MS, MS, 1), poll(66 * MS, 100 * MS, SITE_POLL, 3),
	     poll(166 * MS, MS, SITE_READ, 2), wait(168 * MS, MS, 0));
	find_all();
	const struct finding *first = &findings->list[0];
	cr_assert_eq(first->site, (uint32_t)SITE_TIMER, "half of 120 ms is more than 40 ms");
	cr_assert_eq(first->delay.transactions, 0);
	cr_assert_eq(first->delay.before, 2);
	cr_assert_eq(first->delay.before_ns, 120 * MS);
	const struct transaction_worst *worst = transaction_tally_worst(tally, 7);
	cr_assert_eq(worst->before, 2);
	cr_assert_eq(worst->before_ticks, 60 * MS);
	cr_assert_eq(worst->before_site, (uint32_t)SITE_TIMER);
	end();
}

/* ---- The tally ------------------------------------------------------------------------------- */

Test(transaction_tally, counts_who_waited_long_enough_and_is_whole)
{
	begin();
	tally_take(PART_BEHIND, MS, 5, SITE_TIMER);
	tally_take(PART_BEHIND, MS, 0, SITE_TIMER);
	tally_take(PART_POOL_WAIT, MS, 7, SITE_LOOKUP);
	cr_assert_eq(tally->behind[SITE_TIMER].transactions, 1);
	cr_assert_eq(tally->behind[SITE_TIMER].ticks, 5 * MS);
	cr_assert_eq(tally->busy[SITE_LOOKUP].transactions, 1);
	cr_assert_eq(tally->pool.transactions, 1);
	cr_assert_eq(tally->pool.ticks, 7 * MS);
	struct transaction cut = {.cut = CUT_LOST};
	transaction_tally_take(tally, &cut);
	cr_assert_eq(tally->pool.transactions, 1);
	finish();
	findings = NULL;
	end();
}

Test(transaction_tally, keeps_the_slowest_of_a_signature)
{
	begin();
	tally_take(PART_EXTERNAL, MS, 5, 0);
	tally_take(PART_OWN, MS, 2, 0);
	const struct transaction_worst *worst = transaction_tally_worst(tally, 7);
	cr_assert_not_null(worst);
	cr_assert_eq(worst->sites[PART_EXTERNAL], (uint32_t)SITE_WRITE);
	cr_assert_eq(worst->sites[PART_OWN], (uint32_t)SITE_READ, "3/8 ms; the write 1/8");
	cr_assert_eq(worst->sites[PART_KERNEL], (uint32_t)SITE_COUNT, "nobody");
	cr_assert_null(transaction_tally_worst(tally, 8));
	cr_assert_null(transaction_tally_worst(tally, 0));
	finish();
	findings = NULL;
	end();
}
