/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions made by hand in each report: figures, names, the waterfall, conditions, and nothing
 * that breaks a terminal.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/report_table.h"
#include "print_helper.h"
#include "report/formats/baseline_entries.h"
#include "report/formats/fail_if.h"
#include "report/formats/report_formats.h"
#include "report_helper.h"

#define MS 1000000ull

static struct transaction_signature signature_list[2];
static struct transactions made;
static struct transaction_step steps[3];
static struct transaction one;
static uint32_t first_path[2] = {0, 1}, second_path[1] = {1};
static struct report report;

/* 0 to 1 ms own; stat: waits in the pool for 10 ms behind itself, runs 20 ms, is behind the timer
 * for 68 ms, ends at 100 ms. */
static void steps_make(void)
{
	uint64_t at = 10 * MS;

	steps[0] = (struct transaction_step){.parent = TRANSACTION_NO_STEP,
					     .site = 0,
					     .caused_tick = at,
					     .ready_tick = at,
					     .tick = at,
					     .end_tick = at + MS,
					     .in_path = true};
	steps[1] = (struct transaction_step){.cause = CAUSE_REQUEST,
					     .site = 1,
					     .caused_tick = at + MS,
					     .run_tick = at + 11 * MS,
					     .run_end_tick = at + 31 * MS,
					     .ready_tick = at + 31 * MS,
					     .tick = at + 99 * MS,
					     .end_tick = at + 100 * MS,
					     .in_path = true,
					     .behind = {{0, 68 * MS}},
					     .busy = {{1, 10 * MS}}};
	steps[1].parts[PART_POOL_WAIT] = 10 * MS;
	steps[1].parts[PART_POOL_RUN] = 20 * MS;
	steps[1].parts[PART_BEHIND] = 68 * MS;
	steps[2] = (struct transaction_step){.cause = CAUSE_NESTED,
					     .site = 2,
					     .caused_tick = at,
					     .ready_tick = at,
					     .tick = at,
					     .end_tick = at + MS / 2};
	one = (struct transaction){.id = (uint64_t)10 * MS << TRANSACTION_ID_WORKER_BITS | 1,
				   .begin_tick = at,
				   .end_tick = at + 100 * MS,
				   .steps = steps,
				   .step_count = 3};
}

static void transactions_begin(void)
{
	set_up();
	steps_make();
	struct transaction_signature *first = &signature_list[0], *second = &signature_list[1];
	*first = (struct transaction_signature){
	    .hash = 1, .sites = first_path, .site_count = 2, .count = 100, .cut = 3};
	for (int i = 0; i < 97; i++)
		histogram_add(&first->ticks, 4 * MS);
	for (int i = 0; i < 3; i++)
		histogram_add(&first->ticks, 100 * MS);
	first->median = (struct transaction_share){.count = 2, .ticks = 8 * MS};
	first->median.parts[PART_OWN] = 2 * MS;
	first->median.parts[PART_POOL_RUN] = 6 * MS;
	first->tail = (struct transaction_share){.count = 3, .ticks = 300 * MS};
	first->tail.parts[PART_OWN] = 6 * MS;
	first->tail.parts[PART_POOL_WAIT] = 30 * MS;
	first->tail.parts[PART_POOL_RUN] = 60 * MS;
	first->tail.parts[PART_BEHIND] = 204 * MS;
	first->tail.behind_by[0] = (struct transaction_behind){0, 204 * MS};
	first->tail.busy_by[0] = (struct transaction_behind){1, 30 * MS};
	first->slowest[0] = (struct transaction_brief){one.id, one.begin_tick, 100 * MS, {0}};
	first->slowest_count = 1;
	*second = (struct transaction_signature){
	    .hash = 2, .sites = second_path, .site_count = 1, .count = 30};
	for (int i = 0; i < 30; i++)
		histogram_add(&second->ticks, 7 * MS);
	made = (struct transactions){.signatures = signature_list,
				     .signature_count = 2,
				     .slowest = &one,
				     .slowest_count = 1,
				     .count = 130,
				     .cut_count = 3};
	made.cut[CUT_UNENDED] = 3;
	report = (struct report){.trace = &trace,
				 .timeline = timeline,
				 .symbols = symbols,
				 .findings = findings,
				 .transactions = &made,
				 .alone = true};
}

static void transactions_end(void)
{
	histogram_clear(&signature_list[0].ticks);
	histogram_clear(&signature_list[1].ticks);
	tear_down();
	free(printed);
}

static const char *formatted(const char *name)
{
	const struct report_format *format = report_format_find(name);

	printing();
	struct report_output output = {.file = out, .trace = &trace, .processes = 1, .top = 10};
	cr_assert_eq(format->begin(&output), 0);
	cr_assert_eq(report_format_process(format, &output, &report), 0);
	cr_assert_eq(format->end(&output), 0);
	report_output_free(&output);
	return what_was_printed();
}

static void check_said(const char *all, const char *const *said, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect_not_null(strstr(all, said[i]), "not said: %s\n%s", said[i],
				   strstr(all, "TRANSACTIONS") ? strstr(all, "TRANSACTIONS") : "");
}

static void check_lines(const char *all)
{
	cr_assert_null(strchr(all, '\x1b'));
	for (const char *line = strstr(all, "TRANSACTIONS"); *line;) {
		size_t bytes = strcspn(line, "\n");
		cr_expect_leq(characters(line, bytes), REPORT_WIDTH, "%.*s", (int)bytes, line);
		line += bytes + (line[bytes] == '\n');
		if (strncmp(line, "WORKERS", 7) == 0)
			break;
	}
}

#define TEST(name)                                                                                 \
	Test(report_transactions, name, .init = transactions_begin, .fini = transactions_end)

/* ---- Text ------------------------------------------------------------------------------------ */

TEST(are_told_by_signature_side_by_side)
{
	static const char *const said[] = {
	    "\nTRANSACTIONS",
	    "100    3",
	    "4.00 ms   100 ms   100 ms  timer planted_callback > fs_stat",
	    "Cut, in no figure but their count: 3 (it had not ended when the trace did).",
	    "timer planted_callback > fs_stat: the slowest 1% (3 of 100): 100 ms, 68% behind "
	    "planted_callback,\n  20% in work on the pool, 10% waiting for the pool behind",
	    "  the median        the slowest 3        where the time went\n",
	    "           -              68.0 ms   68%  behind planted_callback\n",
	    "     3.00 ms   75%        20.0 ms   20%  in work on the pool\n",
	    "     4.00 ms  100%         100 ms  100%  in all\n",
	};
	const char *all = formatted("text");

	check_said(all, said, COUNT(said));
	check_lines(all);
	cr_assert_null(strstr(all, "THE SLOWEST TRANSACTIONS"), "nobody asked for them");
}

TEST(are_drawn_as_waterfalls)
{
	static const char *const said[] = {
	    "\nTHE SLOWEST TRANSACTIONS, step by step",
	    "Transaction 10000000.1: timer planted_callback, 100 ms at +0.010 s on worker 1 (loop)",
	    "     0 ns  1.00 ms  |#                   |  timer planted_callback",
	    "  99.0 ms  1.00 ms  |~~====-------------#|  fs_stat ",
	    "68.0 ms behind planted_callback",
	};
	report.waterfalls = 5;
	const char *all = formatted("text");

	check_said(all, said, COUNT(said));
	check_lines(all);
}

TEST(one_is_told_whole_or_not_found)
{
	report.transaction_id = one.id;
	const char *all = formatted("text");
	cr_assert_not_null(strstr(all, "There is no transaction of that id"));
	free(printed);
	made.asked = &one;
	all = formatted("text");
	cr_assert_not_null(strstr(all, "\nONE TRANSACTION\n"));
	cr_assert_not_null(strstr(all, "Transaction 10000000.1"));
}

TEST(without_any_the_section_is_not_there)
{
	made.signature_count = 0;
	cr_assert_null(strstr(formatted("text"), "TRANSACTIONS"));
	free(printed);
	report.transactions = NULL;
	cr_assert_null(strstr(formatted("text"), "TRANSACTIONS"));
}

TEST(stand_in_markdown)
{
	static const char *const said[] = {
	    "### Transactions",
	    "| timer planted\\_callback \\> fs\\_stat | 100 | 4.00 ms | 100 ms | 100 ms | 4.00 ms, "
	    "75% in work on the pool, 25% in its own callbacks | 100 ms, 68% behind "
	    "planted\\_callback, 20% in work on the pool",
	};

	check_said(formatted("markdown"), said, COUNT(said));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_int_t integer(const json_t *object, const char *key)
{
	cr_assert_not_null(json_object_get(object, key), "no %s", key);
	return json_integer_value(json_object_get(object, key));
}

TEST(have_the_promised_keys_in_json)
{
	made.asked = &one;
	json_t *json = json_loads(formatted("json"), 0, NULL);
	json_t *first = json_array_get(json_object_get(json, "transactions"), 0);
	json_t *tail = json_object_get(first, "tail"), *path = json_object_get(first, "signature");
	json_t *behind = json_array_get(json_object_get(tail, "behind_by"), 0);

	cr_assert_eq(json_array_size(path), 2);
	cr_assert_str_eq(json_string_value(json_array_get(path, 0)), "timer");
	cr_assert_str_eq(json_string_value(json_array_get(path, 1)), "fs_stat");
	cr_assert_str_eq(json_string_value(json_object_get(first, "root_kind")), "timer");
	cr_assert_str_eq(json_string_value(json_object_get(first, "root_callback")),
			 "planted_callback");
	cr_assert_eq(integer(first, "count"), 100);
	cr_assert_eq(integer(first, "cut"), 3);
	cr_assert_eq(integer(first, "p50_ns"), 4 * (json_int_t)MS);
	cr_assert_eq(integer(first, "max_ns"), 100 * (json_int_t)MS);
	cr_assert_leq(integer(first, "p99_ns"), 100 * (json_int_t)MS);
	cr_assert_eq(integer(json_object_get(first, "median"), "pool_run_ns"), 3 * (json_int_t)MS);
	cr_assert_eq(integer(tail, "own_ns") + integer(tail, "behind_ns") +
			 integer(tail, "pool_wait_ns") + integer(tail, "pool_run_ns") +
			 integer(tail, "external_ns") + integer(tail, "kernel_ns"),
		     100 * (json_int_t)MS);
	cr_assert_str_eq(json_string_value(json_object_get(behind, "callback")),
			 "planted_callback");
	cr_assert_eq(integer(behind, "ns"), 68 * (json_int_t)MS);
	cr_assert_eq(json_array_size(json_object_get(first, "slowest")), 1);
	cr_assert_eq(integer(json_object_get(json, "transaction_totals"), "count"), 130);
	cr_assert_eq(
	    integer(json_object_get(json_object_get(json, "transaction_totals"), "cut"), "unended"),
	    3);
	json_t *whole = json_object_get(json, "transaction");
	cr_assert_str_eq(json_string_value(json_object_get(whole, "id")), "10000000.1");
	cr_assert_eq(json_array_size(json_object_get(whole, "steps")), 3);
	json_decref(json);
}

TEST(are_null_in_json_where_nobody_followed_them)
{
	report.transactions = NULL;
	json_t *json = json_loads(formatted("json"), 0, NULL);

	cr_assert(json_is_null(json_object_get(json, "transactions")));
	cr_assert(json_is_null(json_object_get(json, "transaction_totals")));
	cr_assert(json_is_null(json_object_get(json, "transaction")));
	json_decref(json);
}

/* ---- Conditions ------------------------------------------------------------------------------ */

static void check_condition(const char *text, bool fails)
{
	struct fail_if fail_if;
	char *why = NULL;

	cr_assert_eq(fail_if_parse(&fail_if, text), 0, "%s", text);
	cr_expect_eq(fail_if_fails(&fail_if, &report, &why), fails, "%s", text);
	free(why);
}

TEST(may_be_what_a_build_fails_by)
{
	struct fail_if fail_if;

	/* Three of a hundred took 100 ms, as the worst of all signatures; all of the other 7 ms. */
	check_condition("transaction_p99>99ms", true);
	check_condition("transaction_p99>101ms", false);
	check_condition("transaction_p99[fs_stat evil]>1ns", false);
	check_condition("transaction_p99[fs_stat nobody]>1ns", false);
	check_condition("transaction_p99[timer planted_callback]>=100ms", true);
	check_condition("transaction_p99[timer planted_callback]>101ms", false);
	cr_assert_eq(fail_if_parse(&fail_if, "transaction_p99[timer planted_callback]>1ms"), 0);
	cr_assert(!fail_if_is_about_nothing(&fail_if, &report));
	cr_assert_eq(fail_if_parse(&fail_if, "transaction_p99[timer operator[]]>1ms"), 0);
	cr_assert(fail_if_is_about_nothing(&fail_if, &report));
	cr_assert_eq(fail_if_parse(&fail_if, "long_poll>1ms"), 0);
	cr_assert(!fail_if_is_about_nothing(&fail_if, &report));
}

/* Of few no p99 is told, unless they are asked for by name. */
TEST(few_are_judged_when_they_are_named)
{
	signature_list[0].ticks.count = 5;
	check_condition("transaction_p99>7100us", false);
	check_condition("transaction_p99[timer planted_callback]>1ms", true);
}

TEST(conditions_that_make_no_sense_are_refused)
{
	static const char *const bad[] = {
	    "transaction_p99[]>1ms",
	    "transaction_p99[timer x>1ms",
	    "long_poll[timer x]>1ms",
	    "transaction_p99[timer x]1ms",
	    "transaction_p99[timer x]>1 apple",
	};
	struct fail_if fail_if;

	for (size_t i = 0; i < COUNT(bad); i++)
		cr_expect_eq(fail_if_parse(&fail_if, bad[i]), -EINVAL, "%s", bad[i]);
}

/* ---- Baselines ------------------------------------------------------------------------------- */

TEST(are_compared_by_signature_and_by_root)
{
	struct baseline_entries entries;
	size_t signatures = 0, roots = 0;

	cr_assert_eq(baseline_entries_make(timeline, &made, symbols, &entries), 0);
	for (size_t i = 0; i < entries.count; i++) {
		const struct baseline_entry *entry = &entries.list[i];
		signatures += entry->signature && !strstr(entry->signature, "> *");
		roots += entry->signature && strstr(entry->signature, "> *");
		if (entry->signature &&
		    strcmp(entry->signature, "timer planted_callback > fs_stat") == 0)
			cr_assert_eq(entry->durations->count, 100);
	}
	cr_assert_eq(signatures, 2);
	cr_assert_eq(roots, 2);
	baseline_entries_free(&entries);
	/* Two signatures of one root are one together. */
	signature_list[1].sites = first_path;
	signature_list[1].site_count = 1;
	cr_assert_eq(baseline_entries_make(timeline, &made, symbols, &entries), 0);
	bool seen = false;
	for (size_t i = 0; i < entries.count; i++) {
		const struct baseline_entry *entry = &entries.list[i];
		if (!entry->signature || !strstr(entry->signature, "> *"))
			continue;
		seen = true;
		cr_assert_eq(entry->durations->count, 130);
		cr_assert_null(entry->only);
	}
	cr_assert(seen);
	baseline_entries_free(&entries);
	cr_assert_eq(signature_list[0].ticks.count, 100, "the trace's own figures stay");
}
