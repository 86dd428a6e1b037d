/* SPDX-License-Identifier: Apache-2.0
 *
 * What is added up where parts of the trace are read is what the engine adds up when it follows
 * everything, in programs made at random: requests that are done in the same iteration or later,
 * several of one callback or very many, memory that is asked for, work on the pool, sends to the
 * other loop, closes, timers that are started, callbacks in callbacks, iterations with many
 * callbacks and sites, long ones, and addresses that are used again.
 */
#include "../reader_helper.h"
#include "transactions/transaction_tally.h"

#define LOOPS	2
#define RECORDS 300000 /* of one loop: several parts */
#define PENDING 8
#define BURST	300

TestSuite(transactions_turns, .init = dir_make, .fini = dir_remove);

enum { READ, WRITE, TIMER, ALLOC, AFTER_WORK, ASYNC, CLOSE, CHECK, MORE_READS, SITES = 24 };

static const uint8_t kinds[SITES] = {
    [READ] = KIND_READ,	  [WRITE] = KIND_WRITE,		  [TIMER] = KIND_TIMER,
    [ALLOC] = KIND_ALLOC, [AFTER_WORK] = KIND_AFTER_WORK, [ASYNC] = KIND_ASYNC,
    [CLOSE] = KIND_CLOSE, [CHECK] = KIND_CHECK,
};

struct loop {
	struct record *records;
	size_t count;
	uint64_t counter, addresses;
	uint64_t writes[PENDING], works[PENDING]; /* on their way; 0: none */
	struct encoder encoder;
};

static long one_of(long many)
{
	return random() % many == 0;
}

static void put(struct loop *loop, uint64_t later, uint64_t object, uint32_t code)
{
	loop->records[loop->count++] =
	    (struct record){loop->counter += later, trace_word(object, code)};
}

static uint64_t time_some(void)
{
	return one_of(2000) ? 2000000 + some_number() % 3000000 : some_number() % 4000;
}

static uint64_t address(const struct loop *loop, uint32_t index)
{
	return loop->addresses + (uint64_t)(random() % 40) * 0x400 + index;
}

static void submit(struct loop *loop, uint64_t *list, uint32_t site)
{
	size_t at = (size_t)random() % PENDING;

	if (list[at] != 0)
		return;
	list[at] = address(loop, 128);
	put(loop, some_number() % 50, list[at], TRACE_CODE_SUBMIT + site);
}

/* What a callback does besides. */
static void inside(struct loop *loop)
{
	if (one_of(3))
		submit(loop, loop->writes, WRITE);
	if (one_of(20))
		submit(loop, loop->writes, WRITE);
	if (one_of(15))
		submit(loop, loop->works, AFTER_WORK);
	if (one_of(60))
		put(loop, 5, 0x7700, TRACE_ASYNC_SEND);
	if (one_of(60))
		put(loop, 5, address(loop, 0), TRACE_CODE_HANDLE + TIMER);
	if (one_of(80))
		put(loop, 5, address(loop, 0), TRACE_HANDLE_CLOSE);
	if (one_of(10))
		put(loop, 5, 3, TRACE_HANDLE_STOP);
	if (one_of(150)) {
		put(loop, 5, address(loop, 0), TRACE_CODE_POLL + READ);
		put(loop, time_some(), 0, TRACE_POLL_END);
	}
}

static void callback(struct loop *loop, uint32_t site, uint64_t object)
{
	put(loop, some_number() % 600, object, TRACE_CODE_POLL + site);
	inside(loop);
	put(loop, time_some(), 0, TRACE_POLL_END);
}

static void done_some(struct loop *loop, uint64_t *list, uint32_t site, long of)
{
	for (size_t i = 0; i < PENDING; i++) {
		uint64_t object = list[i];
		if (object == 0 || one_of(of))
			continue;
		list[i] = 0;
		if (!one_of(300)) /* else its address is used again without */
			callback(loop, site, object);
	}
}

/* More requests than are followed in an iteration. */
static void burst(struct loop *loop)
{
	put(loop, 30, address(loop, 0), TRACE_CODE_POLL + READ);
	for (uint32_t i = 0; i < BURST; i++)
		put(loop, 1, loop->addresses + 0x20000 + i * 0x400, TRACE_CODE_SUBMIT + WRITE);
	put(loop, 30, 0, TRACE_POLL_END);
}

static void iteration(struct loop *loop)
{
	long polls = one_of(500) ? 160 : random() % 7, sites = one_of(100) ? 12 : 2;

	put(loop, some_number() % 300, 0, TRACE_PARK);
	put(loop, one_of(3) ? 10 : some_number() % 50000, 1, TRACE_UNPARK);
	if (one_of(10))
		done_some(loop, loop->works, AFTER_WORK, 2);
	for (; polls > 0; polls--) {
		uint64_t object = address(loop, 0);
		if (one_of(6)) {
			put(loop, 20, object, TRACE_CODE_POLL + ALLOC);
			put(loop, some_number() % 400, 0, TRACE_POLL_END);
		}
		callback(loop, one_of(5) ? MORE_READS + (uint32_t)(random() % sites) : READ,
			 object);
		if (one_of(3))
			done_some(loop, loop->writes, WRITE, 10);
	}
	if (one_of(9))
		callback(loop, TIMER, address(loop, 0));
	if (one_of(2000))
		burst(loop);
	if (one_of(40))
		callback(loop, ASYNC, 0x7700);
	if (one_of(15))
		callback(loop, CHECK, 0x7800);
	done_some(loop, loop->writes, WRITE, 10);
	if (one_of(60))
		callback(loop, CLOSE, address(loop, 0));
}

static void loop_make(struct loop *loop)
{
	loop->counter = 40000000;
	loop->records = calloc(RECORDS + 8192, sizeof(struct record));
	put(loop, 0, 0x7000, TRACE_LOOP_ENTER);
	while (loop->count < RECORDS)
		iteration(loop);
}

static void sites_put(struct builder *builder)
{
	builder_kinds(builder, 72);
	for (uint16_t i = 0; i < SITES; i++)
		builder_site(builder, i, kinds[i] ? kinds[i] : KIND_READ, 0x1000 + i, 0x2000 + i,
			     "callback");
}

static void trace_make(const char *path)
{
	struct builder *builder = builder_new();
	struct loop loops[LOOPS] = {0};
	uint64_t last = 0, recorded = 0;

	builder_header(builder, builder_default_header(77));
	sites_put(builder);
	builder_clock(builder, 12800000);
	for (uint32_t i = 0; i < LOOPS; i++) {
		struct loop *loop = &loops[i];
		loop->addresses = 0x555500000000 + i * 0x100000;
		loop_make(loop);
		encoder_init(&loop->encoder, i + 1, HELPER_SHIFT);
		for (size_t at = 0; at < loop->count; at += 20000) {
			size_t count = loop->count - at < 20000 ? loop->count - at : 20000;
			struct encoder_source records = {loop->records, (1ull << 40) - 1, at,
							 count};
			builder_events(builder, &loop->encoder, records);
		}
		struct trace_worker_entry worker = {.worker = i + 1,
						    .tid = i + 1,
						    .role = TRACE_ROLE_LOOP,
						    .start_tick =
							loop->records[0].counter >> HELPER_SHIFT,
						    .recorded = loop->count};
		builder_worker(builder, &worker, "loop");
		last = loop->counter > last ? loop->counter : last;
		recorded += loop->count;
		free(loop->records);
	}
	builder_clock(builder, last / 5 * 2);
	builder_seal(builder, TRACE_SEAL_EXIT, last >> HELPER_SHIFT, recorded, 0);
	builder_write(builder, path);
	builder_free(builder);
}

/* ---- Both ways ------------------------------------------------------------------------------- */

struct reading {
	struct transaction_tally *tally;
	struct timeline *timeline;
	struct transactions *transactions;
	size_t told;
};

static void over(void *arg, const struct transaction *transaction)
{
	struct reading *reading = arg;

	reading->told++;
	transaction_tally_take(reading->tally, transaction);
}

static bool wants(void *arg, const struct transaction_glance *glance)
{
	const struct reading *reading = arg;

	return transaction_tally_wants(reading->tally, glance);
}

static struct reading read_it(struct trace *trace, bool quick)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
	struct reading reading = {.tally = transaction_tally_make(&trace->processes[0], 1000000)};

	wanted.over = over;
	wanted.wants = quick ? wants : NULL;
	wanted.quiet_ticks = quick ? reading.tally->least : 0;
	wanted.arg = &reading;
	reading.transactions =
	    transactions_read(trace, 0, &options, &wanted, NULL, NULL, &reading.timeline);
	cr_assert_not_null(reading.transactions);
	return reading;
}

static void reading_free(struct reading *reading)
{
	transactions_free(reading->transactions);
	transaction_tally_free(reading->tally);
	timeline_free(reading->timeline);
}

static void check_names(const struct transaction_behind *a, const struct transaction_behind *b)
{
	for (int i = 0; i < TRANSACTION_SHARE_NAMES; i++) {
		cr_assert_eq(a[i].ticks, b[i].ticks);
		cr_assert(a[i].ticks == 0 || a[i].site == b[i].site);
	}
}

static void check_shares(const struct transaction_share *a, const struct transaction_share *b)
{
	cr_assert_eq(a->count, b->count);
	cr_assert_eq(a->ticks, b->ticks);
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		cr_assert_eq(a->parts[i], b->parts[i], "%s", transaction_part_keys[i]);
	check_names(a->behind_by, b->behind_by);
	check_names(a->busy_by, b->busy_by);
}

static void check_signatures(const struct transaction_signature *a,
			     const struct transaction_signature *b)
{
	cr_assert_eq(a->hash, b->hash);
	cr_assert_eq(a->count, b->count);
	cr_assert_eq(a->cut, b->cut);
	for (double quantile = 0; quantile <= 1; quantile += 0.125)
		cr_assert_eq(histogram_quantile(&a->ticks, quantile),
			     histogram_quantile(&b->ticks, quantile));
	check_shares(&a->all, &b->all);
	check_shares(&a->median, &b->median);
	check_shares(&a->tail, &b->tail);
	cr_assert_eq(a->slowest_count, b->slowest_count);
	for (size_t i = 0; i < a->slowest_count; i++)
		cr_assert_eq(a->slowest[i].id, b->slowest[i].id);
}

static void check_tallies(const struct transaction_tally *a, const struct transaction_tally *b)
{
	for (size_t i = 0; i <= a->process->site_count; i++) {
		cr_assert_eq(a->behind[i].transactions, b->behind[i].transactions);
		cr_assert_eq(a->behind[i].ticks, b->behind[i].ticks);
		cr_assert_eq(a->behind[i].before, b->behind[i].before);
		cr_assert_eq(a->behind[i].before_ticks, b->behind[i].before_ticks);
	}
	cr_assert_eq(a->pool.ticks, b->pool.ticks);
}

static void check_both(const struct reading *a, const struct reading *b)
{
	const struct transactions *whole = a->transactions, *quick = b->transactions;

	cr_assert_eq(whole->count, quick->count, "%zu and %zu", (size_t)whole->count,
		     (size_t)quick->count);
	for (int i = 0; i < TRANSACTION_CUTS; i++)
		cr_assert_eq(whole->cut[i], quick->cut[i], "%s", transaction_cut_keys[i]);
	cr_assert_eq(whole->unsigned_count, quick->unsigned_count);
	cr_assert_eq(whole->signature_count, quick->signature_count);
	for (size_t i = 0; i < whole->signature_count; i++)
		check_signatures(&whole->signatures[i], &quick->signatures[i]);
	cr_assert_eq(whole->slowest_count, quick->slowest_count);
	for (size_t i = 0; i < whole->slowest_count; i++)
		cr_assert_eq(whole->slowest[i].id, quick->slowest[i].id);
	check_tallies(a->tally, b->tally);
}

Test(transactions_turns, add_up_what_the_engine_does)
{
	const char *path = in_dir("trace.77.1.bin");

	for (unsigned seed = 1; seed <= 3; seed++) {
		srandom(seed);
		trace_make(path);
		struct trace *trace = trace_open(&path, 1, NULL, NULL);
		cr_assert_eq(trace->process_count, 1);
		cr_assert_eq(trace->processes[0].lost + trace->processes[0].missing, 0u);
		struct reading whole = read_it(trace, false), quick = read_it(trace, true);
		cr_assert_lt(quick.told * 2, whole.told, "%zu of %zu were told", quick.told,
			     whole.told);
		check_both(&whole, &quick);
		reading_free(&whole);
		reading_free(&quick);
		trace_close(trace);
	}
}
