/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions of programs that serve requests in a known structure, with known delays
 * (tests/fixtures/transactions/serve.c): as many as were served, each part as long as the program
 * timed it itself, and who it waited for by name. tell_transactions, which reads the trace, fails
 * where the parts of one do not add up to its duration.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define EXACT_NS   100000 /* in the median */
#define SERVED_MAX 64

/* The transactions of one program, a line each; the last has its numbers. */
struct lines {
	struct traced traced;
	json_t *list, *numbers;
};

static struct lines lines_read(const char *shape)
{
	struct run program = {.program = build_path("fixtures/serve"), .args = {shape}};
	struct run tell = {.program = build_path("transactions/tell_transactions"),
			   .args = {"uvtrace.data"},
			   .bare = true};
	struct lines lines = {.traced = trace_program(&program), .list = json_array()};
	struct result result = run_well(&tell);

	for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *object = json_loads(line, 0, NULL);
		cr_assert_not_null(object, "%s", line);
		if (json_object_get(object, "steps"))
			json_array_append_new(lines.list, object);
		else
			lines.numbers = object;
	}
	cr_assert_not_null(lines.numbers);
	result_free(&result);
	return lines;
}

static void lines_free(struct lines *lines)
{
	json_decref(lines->list);
	json_decref(lines->numbers);
	traced_free(&lines->traced);
}

/* Its kinds, in the order of their causes, are these. */
static bool has_kinds(const json_t *transaction, const char *kinds)
{
	char text[256] = "";
	const json_t *step;
	size_t i;

	json_array_foreach(json_object_get(transaction, "steps"), i, step)
	{
		if (strlen(text) > 200)
			return false;
		strcat(strcat(text, i > 0 ? " " : ""), event_text(step, "kind"));
	}
	return strcmp(text, kinds) == 0;
}

static const char *callback_of(const json_t *transaction, size_t step)
{
	return event_text(json_array_get(json_object_get(transaction, "steps"), step), "callback");
}

static uint64_t part_of(const json_t *transaction, const char *part)
{
	uint64_t late =
	    event_number(transaction, "behind_ns") + event_number(transaction, "kernel_ns");

	if (strcmp(part, "late_ns") == 0)
		return late;
	if (strcmp(part, "told_ns") == 0)
		return late + event_number(transaction, "external_ns");
	return event_number(transaction, part);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Those with these kinds whose last callback is that one. */
struct served {
	const json_t *list[SERVED_MAX];
	size_t count;
};

static struct served served_find(const struct lines *lines, const char *kinds, const char *last)
{
	struct served served = {.count = 0};
	const json_t *line;
	size_t i;

	json_array_foreach(lines->list, i, line)
	{
		size_t steps = json_array_size(json_object_get(line, "steps"));
		if (!has_kinds(line, kinds) || strcmp(callback_of(line, 0), "on_request") != 0 ||
		    strcmp(callback_of(line, steps - 1), last) != 0)
			continue;
		cr_assert_lt(served.count, SERVED_MAX);
		cr_assert_str_eq(event_text(line, "cut"), "whole");
		served.list[served.count++] = line;
	}
	return served;
}

static void check_parts(const struct served *served, const json_t *truth)
{
	static const char *const parts[] = {"own_ns",	   "behind_ns", "pool_wait_ns",
					    "pool_run_ns", "told_ns",	"late_ns"};
	uint64_t times[SERVED_MAX];

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		int64_t wanted = truth_value(truth, parts[i]);
		if (wanted < 0)
			continue;
		for (size_t j = 0; j < served->count; j++)
			times[j] = part_of(served->list[j], parts[i]);
		qsort(times, served->count, sizeof(*times), compare);
		int64_t got = (int64_t)times[served->count / 2];
		cr_expect_leq(llabs(got - wanted), EXACT_NS, "%s: %lld, the program says %lld",
			      parts[i], (long long)got, (long long)wanted);
	}
}

/* How many name this callback as the one that a step waited most for. */
static size_t count_named(const struct served *served, const char *list, const char *callback)
{
	size_t count = 0;

	for (size_t i = 0; i < served->count; i++) {
		const json_t *steps = json_object_get(served->list[i], "steps");
		const json_t *names =
		    json_object_get(json_array_get(steps, json_array_size(steps) - 1), list);
		const char *first = json_object_iter_key(json_object_iter((json_t *)names));
		count += first && strcmp(first, callback) == 0;
	}
	return count;
}

static struct served check_shape(struct lines *lines, const char *shape, const char *kinds,
				 const char *last)
{
	*lines = lines_read(shape);
	struct served served = served_find(lines, kinds, last);
	cr_assert_eq(served.count, (size_t)truth_value(lines->traced.truth, "requests"));
	check_parts(&served, lines->traced.truth);
	return served;
}

/* Both take 5 ms outside; what the loop itself does then is little beside that. */
static void check_external(const struct served *served)
{
	size_t most = 0;

	for (size_t i = 0; i < served->count; i++)
		most += event_number(served->list[i], "external_ns") > 4900000;
	cr_assert_geq(most * 2, served->count);
}

TestSuite(transactions_of_programs, .init = harness_enter, .fini = harness_leave,
	  .timeout = HARNESS_TIMEOUT_S * 2);

Test(transactions_of_programs, work_on_the_pool)
{
	struct lines lines;

	check_shape(&lines, "pool", "read after_work", "on_worked");
	lines_free(&lines);
}

/* No time of the path is the pool's then; when it worked is told all the same. */
Test(transactions_of_programs, work_that_is_over_inside_the_callback)
{
	struct lines lines;
	struct served served = check_shape(&lines, "inside", "read after_work", "on_worked");
	int64_t wanted = truth_value(lines.traced.truth, "work_ns");
	size_t alike = 0;

	for (size_t i = 0; i < served.count; i++) {
		const json_t *steps = json_object_get(served.list[i], "steps");
		const json_t *root = json_array_get(steps, 0), *step = json_array_get(steps, 1);
		uint64_t run = event_number(step, "run_ns"), end = event_number(step, "run_end_ns");

		cr_assert_gt(run, event_number(root, "ns"));
		alike += llabs((int64_t)(end - run) - wanted) <= EXACT_NS &&
			 end <= event_number(root, "end_ns");
	}
	cr_assert_geq(alike * 2, served.count);
	lines_free(&lines);
}

Test(transactions_of_programs, a_pool_full_of_work_of_others)
{
	struct lines lines;
	struct served served = check_shape(&lines, "crowded", "read after_work", "on_worked");

	/* In the median: on a busy machine a thread of the pool may begin late with all of them. */
	cr_assert_geq(count_named(&served, "busy_by", "on_other_worked") * 2, served.count);
	lines_free(&lines);
}

Test(transactions_of_programs, a_callback_that_blocks_behind)
{
	struct lines lines;
	struct served served = check_shape(&lines, "behind", "read after_work", "on_worked");

	cr_assert_geq(count_named(&served, "behind_by", "on_blocker") * 2, served.count);
	lines_free(&lines);
}

Test(transactions_of_programs, a_timer_is_one_of_its_own_with_a_link)
{
	struct lines lines = lines_read("behind");
	struct served served = served_find(&lines, "read after_work", "on_worked");
	size_t timers = 0;
	const json_t *line;
	size_t i;

	json_array_foreach(lines.list, i, line)
	{
		if (!has_kinds(line, "timer"))
			continue;
		cr_assert_lt(timers, served.count);
		cr_assert_str_eq(event_text(line, "started_by"),
				 event_text(served.list[timers++], "id"));
	}
	cr_assert_eq(timers, served.count);
	lines_free(&lines);
}

Test(transactions_of_programs, a_peer_that_takes_late)
{
	struct lines lines;

	struct served served = check_shape(&lines, "peer", "read write", "on_written");

	check_external(&served);
	lines_free(&lines);
}

Test(transactions_of_programs, a_second_loop_and_back)
{
	struct lines lines;
	struct served served = check_shape(&lines, "loops", "read async async", "on_first");

	for (size_t i = 0; i < served.count; i++) {
		const json_t *steps = json_object_get(served.list[i], "steps");
		cr_assert_neq(event_number(json_array_get(steps, 1), "worker"),
			      event_number(json_array_get(steps, 2), "worker"));
	}
	lines_free(&lines);
}

Test(transactions_of_programs, a_child_process)
{
	struct lines lines;

	struct served served =
	    check_shape(&lines, "child", "read process_exit", "on_exit_of_child");

	check_external(&served);
	lines_free(&lines);
}
