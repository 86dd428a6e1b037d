/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions of a program that serves on four sockets at once and uses memory of requests again
 * (tests/fixtures/transactions/crossed.c): never is a callback of one socket in a transaction of
 * another, also where the first files of the trace, or one in the middle, are gone; what cannot be
 * told is cut and counted.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define SOCKETS	 4
#define REQUESTS "3000" /* of each socket: several files of 64 KiB */

struct count {
	size_t whole[SOCKETS]; /* of several steps */
	size_t cut, ends;      /* ends: runs of the callback that comes last, in those told */
	json_t *numbers;
};

static void trace_crossed(const char *mode, struct result *result)
{
	struct run program = {.program = build_path("fixtures/crossed"),
			      .args = {mode, REQUESTS},
			      .env = {"UVTRACE_FILE_SIZE=64K", "UVTRACE_RING_SIZE=64M"}};

	*result = run_well(&program);
}

/* Which socket's it is: the last character of its name. */
static size_t socket_of(const json_t *step)
{
	const char *callback = event_text(step, "callback");

	cr_assert_not_null(callback);
	size_t bytes = strlen(callback);
	return bytes > 0 ? (size_t)(callback[bytes - 1] - '0') : SOCKETS;
}

static void transaction_count(const json_t *transaction, const char *last, struct count *count)
{
	const json_t *steps = json_object_get(transaction, "steps"), *step;
	size_t socket = socket_of(json_array_get(steps, 0)), i;

	cr_assert_lt(socket, (size_t)SOCKETS);
	json_array_foreach(steps, i, step)
	{
		cr_assert_eq(socket_of(step), socket, "%s", event_text(transaction, "id"));
		count->ends += strcmp(event_text(step, "kind"), last) == 0;
	}
	if (strcmp(event_text(transaction, "cut"), "whole") != 0)
		return;
	/* Only a read may be one of its own: of nothing, or of the end. */
	if (json_array_size(steps) == 1)
		cr_assert_str_eq(event_text(json_array_get(steps, 0), "kind"), "read");
	else
		count->whole[socket]++;
}

static struct count crossed_count(const char *last)
{
	struct run tell = {.program = build_path("transactions/tell_transactions"),
			   .args = {"uvtrace.data"},
			   .bare = true};
	struct result result = run_well(&tell);
	struct count count = {.cut = 0};

	for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *object = json_loads(line, 0, NULL);
		cr_assert_not_null(object, "%s", line);
		if (json_object_get(object, "steps")) {
			transaction_count(object, last, &count);
			json_decref(object);
		} else {
			count.numbers = object;
		}
	}
	cr_assert_not_null(count.numbers);
	count.cut = event_number(count.numbers, "lost") +
		    event_number(count.numbers, "begins_earlier") +
		    event_number(count.numbers, "unended") + event_number(count.numbers, "unsure");
	result_free(&result);
	return count;
}

static void file_remove(pid_t pid, int number)
{
	char path[64];

	snprintf(path, sizeof(path), "uvtrace.data/trace.%d.%d.bin", (int)pid, number);
	cr_assert_eq(unlink(path), 0, "%s", path);
}

/* Runs of callbacks of that kind, of a trace with holes, which trace_read() does not take. */
static size_t count_polls(const char *kind)
{
	struct run read = {
	    .program = build_path("trace_to_jsonl"), .args = {"uvtrace.data"}, .bare = true};
	struct result result = run_well(&read);
	char wanted[64];
	size_t count = 0;

	snprintf(wanted, sizeof(wanted), "\"kind\":\"%s\"", kind);
	for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n"))
		count += strstr(line, "\"PollStart\"") && strstr(line, wanted);
	result_free(&result);
	return count;
}

/* Runs of the request's last callback that the trace still has: each is in a whole transaction, or
 * in one that was cut. */
static void check_rest(const char *last)
{
	struct count count = crossed_count(last);
	size_t ran = count_polls(last), whole = 0;

	for (size_t i = 0; i < SOCKETS; i++)
		whole += count.whole[i];
	cr_assert_gt(whole, 0u);
	cr_assert_lt(whole, (size_t)atoi(REQUESTS) * SOCKETS);
	cr_assert_gt(count.cut, 0u);
	cr_assert_leq(whole, ran);
	cr_assert_leq(ran - whole, count.cut);
	json_decref(count.numbers);
}

static void check_crossed(const char *mode, const char *last)
{
	struct result result;

	trace_crossed(mode, &result);
	json_t *truth = truth_read(result.out);
	struct count count = crossed_count(last);
	for (size_t i = 0; i < SOCKETS; i++)
		cr_assert_eq(count.whole[i], (size_t)truth_value(truth, "requests"));
	cr_assert_eq(count.ends, (size_t)truth_value(truth, "served"));
	cr_assert_eq(count.cut, 0u);
	cr_assert_gt(count_files("uvtrace.data", ".bin"), 4u);
	file_remove(result.pid, 3);
	check_rest(last);
	file_remove(result.pid, 1);
	check_rest(last);
	json_decref(count.numbers);
	json_decref(truth);
	result_free(&result);
}

TestSuite(transactions_crossed, .init = harness_enter, .fini = harness_leave,
	  .timeout = HARNESS_TIMEOUT_S * 3);

Test(transactions_crossed, work_on_the_pool)
{
	check_crossed("work", "after_work");
}

Test(transactions_crossed, spans_with_an_id)
{
	check_crossed("spans", "timer");
}

/* Two processes have the same ids, and the same addresses perhaps. */
Test(transactions_crossed, several_processes)
{
	struct run tell = {.program = build_path("transactions/tell_transactions"),
			   .args = {"-q", "uvtrace.data"},
			   .bare = true};
	struct result first, second;

	trace_crossed("spans", &first);
	trace_crossed("work", &second);
	struct result told = run_well(&tell);
	size_t processes = 0, signatures = 0;

	for (char *line = strtok(told.out, "\n"); line; line = strtok(NULL, "\n"), processes++) {
		json_t *numbers = json_loads(line, 0, NULL);
		const json_t *signature;
		size_t i;
		json_array_foreach(json_object_get(numbers, "signatures"), i, signature)
		{
			size_t kinds = json_array_size(json_object_get(signature, "kinds"));
			if (kinds == 1)
				continue;
			signatures++;
			cr_assert_eq(event_number(signature, "count"), (uint64_t)atoi(REQUESTS));
			cr_assert_eq(kinds,
				     event_number(numbers, "pid") == (uint64_t)first.pid ? 3u : 2u);
		}
		json_decref(numbers);
	}
	cr_assert_eq(processes, 2u);
	cr_assert_eq(signatures, (size_t)2 * SOCKETS);
	result_free(&told);
	result_free(&first);
	result_free(&second);
}
