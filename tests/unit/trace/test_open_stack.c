/* SPDX-License-Identifier: Apache-2.0
 *
 * The nesting rule: what each event says of what is open on its worker, for sane streams, streams
 * with holes, and any stream at all. The drain, the readers and the page go by it.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "format/open_stack.h"

#define POLL(n) trace_word(n, TRACE_CODE_POLL + (n))

static struct open_stack open_now;
static uint64_t now, loop_tick; /* when a loop was entered or left last */

static void start(void)
{
	memset(&open_now, 0, sizeof(open_now));
	now = 100;
	loop_tick = 0;
}

TestSuite(open_stack, .init = start);

static void event(uint64_t word)
{
	if (word == TRACE_LOOP_ENTER || word == TRACE_LOOP_LEAVE)
		loop_tick = now;
	open_apply(&open_now, word, now++);
}

/* What is open, as a text: l a loop, digits polls by their site, w a wait. */
static void assert_open(const char *expected)
{
	char text[OPEN_STACK_MAX + 2];
	uint32_t bytes = 0;

	for (uint32_t i = 0; i < open_now.count; i++) {
		uint32_t code = trace_word_code(open_now.list[i].word);

		text[bytes++] =
		    code == TRACE_LOOP_ENTER ? 'l' : (char)('0' + code - TRACE_CODE_POLL);
	}
	if (open_now.parked)
		text[bytes++] = 'w';
	text[bytes] = '\0';
	cr_assert_str_eq(text, expected);
}

Test(open_stack, callbacks_and_loops_nest)
{
	event(TRACE_LOOP_ENTER);
	event(TRACE_PARK);
	assert_open("lw");
	cr_assert_eq(open_now.park_tick, 101);
	event(TRACE_UNPARK);
	event(POLL(1));
	event(TRACE_LOOP_ENTER);
	event(POLL(2));
	assert_open("l1l2");
	cr_assert_eq(open_now.polls, 2);
	event(TRACE_POLL_END);
	event(TRACE_LOOP_LEAVE);
	assert_open("l1");
	event(TRACE_POLL_UNWOUND);
	event(TRACE_LOOP_LEAVE);
	assert_open("");
}

Test(open_stack, events_without_effect_change_nothing)
{
	event(TRACE_LOOP_ENTER);
	event(POLL(1));
	for (uint32_t code = 0; code < TRACE_CODE_POLL; code++)
		if (trace_code_effect(code) == TRACE_EFFECT_NONE)
			event(trace_word(5, code));
	event(trace_word(5, TRACE_CODE_SUBMIT + 1));
	event(trace_word(5, TRACE_CODE_END));
	assert_open("l1");
	event(TRACE_POLL_END);
	event(TRACE_PARK);
	event(TRACE_ASYNC_SEND);
	event(TRACE_TURN);
	assert_open("lw");
}

Test(open_stack, end_of_a_callback_ends_the_loops_inside)
{
	event(POLL(1));
	event(POLL(2));
	event(TRACE_LOOP_ENTER);
	event(TRACE_LOOP_ENTER);
	event(TRACE_POLL_END);
	assert_open("1");
	event(TRACE_POLL_END);
	event(TRACE_POLL_END); /* its begin was lost */
	assert_open("");
	event(TRACE_LOOP_ENTER);
	event(TRACE_POLL_END);
	assert_open("l");
}

Test(open_stack, wait_shows_that_the_loop_runs_no_callback)
{
	event(POLL(1));
	event(TRACE_LOOP_ENTER);
	event(POLL(2));
	event(POLL(3));
	event(TRACE_PARK);
	assert_open("1lw");
	event(POLL(4)); /* the end of the wait was lost */
	assert_open("1l4");
	event(TRACE_UNPARK);
	assert_open("1l4");
}

Test(open_stack, loop_that_is_left_has_no_callback_open)
{
	event(POLL(1));
	event(TRACE_LOOP_ENTER);
	event(POLL(2));
	event(TRACE_PARK);
	event(TRACE_LOOP_LEAVE);
	assert_open("1");
	event(TRACE_LOOP_LEAVE); /* its begin was lost */
	assert_open("");
}

Test(open_stack, end_of_the_worker_ends_all)
{
	event(POLL(1));
	event(TRACE_LOOP_ENTER);
	event(TRACE_PARK);
	event(TRACE_WORKER_END);
	assert_open("");
}

Test(open_stack, end_names_what_it_ends)
{
	struct trace_context begun;

	cr_assert_not(open_ended_by(&open_now, TRACE_EFFECT_CLOSES_POLL, &begun));
	cr_assert_not(open_ended_by(&open_now, TRACE_EFFECT_CLOSES_WAIT, &begun));
	event(POLL(1));
	event(TRACE_LOOP_ENTER);
	event(TRACE_PARK);
	cr_assert(open_ended_by(&open_now, TRACE_EFFECT_CLOSES_POLL, &begun));
	cr_assert_eq(begun.word, POLL(1));
	cr_assert_eq(begun.tick, 100);
	cr_assert(open_ended_by(&open_now, TRACE_EFFECT_CLOSES_WAIT, &begun));
	cr_assert_eq(begun.tick, 102);
	cr_assert_not(open_ended_by(&open_now, TRACE_EFFECT_CLOSES_LOOP, &begun));
}

Test(open_stack, deeper_than_the_list_is_counted)
{
	event(TRACE_LOOP_ENTER);
	for (uint32_t i = 0; i < OPEN_STACK_MAX + 5; i++)
		event(POLL(1));
	cr_assert_eq(open_now.count, OPEN_STACK_MAX);
	cr_assert_eq(open_now.beyond, 6);
	for (uint32_t i = 0; i < 6; i++)
		event(TRACE_POLL_END);
	cr_assert_eq(open_now.count, OPEN_STACK_MAX);
	for (uint32_t i = 1; i < OPEN_STACK_MAX; i++)
		event(TRACE_POLL_END);
	assert_open("l");
}

Test(open_stack, given_and_taken_again)
{
	struct trace_context list[OPEN_LIST_MAX];
	struct open_stack other = {.count = 3, .beyond = 2};

	event(POLL(1));
	event(TRACE_LOOP_ENTER);
	event(TRACE_PARK);
	cr_assert_eq(open_give(&open_now, list, OPEN_LIST_MAX), 3);
	open_take(&other, list, 3);
	cr_assert_eq(other.count, 2);
	cr_assert_eq(other.polls, 1);
	cr_assert_eq(other.beyond, 0);
	cr_assert(other.parked);
	cr_assert_eq(other.park_tick, 102);
	cr_assert_eq(open_give(&open_now, list, 2), 2);
	cr_assert_eq(list[0].word, POLL(1));
	cr_assert_eq(list[1].word, TRACE_PARK);
	list[1] = (struct trace_context){0x123456789, 7}; /* opens nothing */
	open_take(&other, list, 2);
	cr_assert_eq(other.count, 1);
	cr_assert_not(other.parked);
}

/* ---- From the newest back -------------------------------------------------------------------- */

#define STREAM 400

/* What a program with loops in callbacks records; nothing is lost. */
static uint32_t stream_make(uint64_t *words)
{
	uint32_t count = 0;

	while (count + 2 < STREAM) {
		uint32_t what = (uint32_t)random() % 8;

		if (open_now.count < 20 && what < 2)
			words[count++] =
			    open_top_is_poll(&open_now) ? TRACE_LOOP_ENTER : POLL(1 + random() % 9);
		else if (open_top_is_poll(&open_now) && what < 5)
			words[count++] = TRACE_POLL_END;
		else if (what == 5 && open_now.count > 0 && !open_top_is_poll(&open_now))
			words[count++] = TRACE_LOOP_LEAVE;
		else
			words[count++] = trace_word(7, TRACE_ASYNC_SEND);
		event(words[count - 1]);
	}
	return count;
}

/* The newest records say of the callback that runs what the whole stream says, as far as they
 * reach. */
Test(open_stack, search_from_the_newest_finds_what_the_rule_says)
{
	for (uint32_t round = 0; round < 2000; round++) {
		uint64_t words[STREAM];
		uint32_t count, ended = 0, i, back = 1 + (uint32_t)random() % STREAM;
		struct open_stack before = {0};
		struct trace_context found = {0};

		start();
		count = stream_make(words);
		for (i = count; i > 0 && i + back > count; i--)
			if (open_search(trace_code_effect(trace_word_code(words[i - 1])), &ended))
				break;
		if (i > 0 && i + back > count)
			found.word = words[i - 1];
		for (uint32_t j = 0; j < i && !found.word; j++)
			open_apply(&before, words[j], j);
		if (!found.word)
			open_before(&before, ended, &found);
		if (!open_top_is_poll(&open_now))
			cr_assert_not(trace_word_is_poll(found.word), "round %u", round);
		else if (open_now.list[open_now.count - 1].tick > loop_tick)
			cr_assert_eq(found.word, open_now.list[open_now.count - 1].word, "round %u",
				     round);
	}
}

/* Any order whatever: the counts hold, and nothing is written outside. */
Test(open_stack, any_order_is_taken)
{
	for (uint32_t i = 0; i < 1000000; i++) {
		uint32_t polls = 0;

		event(random() % 3 ? (uint64_t)random() % 30 : POLL(random() % 3));
		cr_assert_leq(open_now.count, OPEN_STACK_MAX);
		for (uint32_t j = 0; j < open_now.count; j++)
			polls += trace_word_is_poll(open_now.list[j].word);
		cr_assert_eq(polls, open_now.polls);
		cr_assert_not(open_now.parked && open_top_is_poll(&open_now) &&
			      open_now.list[open_now.count - 1].tick > open_now.park_tick);
	}
}
