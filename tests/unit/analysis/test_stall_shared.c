/* SPDX-License-Identifier: Apache-2.0
 *
 * The function that explains several samples, of stacks made by hand: the truth is written beside
 * each.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "findings/stall_scripts.h"

#define FRAMES_MAX 8
#define SYMBOL(name_, file_, module_)                                                              \
	{                                                                                          \
		.name = (name_), .file = (file_), .module = (module_), .named = true,              \
		.text = (name_)                                                                    \
	}

static const struct symbol_info on_read = SYMBOL("on_read", "app.c", "app"),
				parse = SYMBOL("parse", "app.c", "app"),
				line = SYMBOL("parse_line", "app.c", "app"),
				number = SYMBOL("parse_number", "app.c", "app"),
				strtod_ = SYMBOL("__GI_strtod", "", "libc.so.6"),
				getaddrinfo_ = SYMBOL("getaddrinfo", "", "libc.so.6"),
				poll_ = SYMBOL("__poll", "", "libc.so.6"),
				unnamed = {.name = "libx.so+0x12", .file = "", .module = "libx.so"};

#define OWN(function)                                                                              \
	{                                                                                          \
		.symbol = &(function), .is_own = true                                              \
	}
#define OTHER(function)                                                                            \
	{                                                                                          \
		.symbol = &(function)                                                              \
	}

static struct stack_frame frames[3][FRAMES_MAX];
static struct stall stalls[3];
static struct stall_shared shared;

static void stall_set(size_t at, uint64_t ticks, const struct stack_frame *of, size_t count)
{
	memcpy(frames[at], of, count * sizeof(*of));
	stalls[at] = (struct stall){
	    .ticks = ticks, .frames = frames[at], .frame_count = count, .cause = STALL_CPU};
}

#define STALL(at, ticks, ...)                                                                      \
	do {                                                                                       \
		const struct stack_frame of_[] = {__VA_ARGS__};                                    \
		stall_set(at, ticks, of_, sizeof(of_) / sizeof(*of_));                             \
	} while (0)

static void find(size_t count)
{
	const struct stall *samples[] = {&stalls[0], &stalls[1], &stalls[2]};

	free(shared.call);
	cr_assert_eq(stall_shared_find(samples, count, &shared), 0);
}

/* Three samples met three helpers: what they share is parse(). */
Test(stall_shared, is_the_deepest_that_most_share)
{
	STALL(0, 30, OTHER(strtod_), OWN(number), OWN(parse), OWN(on_read));
	STALL(1, 30, OWN(line), OWN(parse), OWN(on_read));
	STALL(2, 30, OWN(on_read));
	find(3);
	cr_assert_not_null(shared.own);
	cr_expect_str_eq(shared.own->symbol->name, "parse");
	cr_expect_str_eq(shared.caller->symbol->name, "on_read");
	cr_expect_null(shared.call);
	stalls[2].ticks = 61;
	find(3);
	cr_expect_str_eq(shared.own->symbol->name, "on_read");
	cr_expect_null(shared.caller);
}

/* What wraps the system call says more than that. */
Test(stall_shared, names_what_was_called)
{
	STALL(0, 30, OTHER(poll_), OTHER(unnamed), OTHER(getaddrinfo_), OWN(parse), OWN(on_read));
	STALL(1, 30, OTHER(poll_), OTHER(getaddrinfo_), OWN(parse), OWN(on_read));
	STALL(2, 50, OTHER(strtod_), OWN(parse), OWN(on_read));
	find(3);
	cr_expect_str_eq(shared.own->symbol->name, "parse");
	cr_expect_null(shared.call, "half of the time is in another call");
	stalls[1].ticks = 31;
	find(2);
	cr_expect_str_eq(shared.call, "getaddrinfo");
	STALL(0, 30, OTHER(strtod_), OWN(parse));
	find(1);
	cr_expect_str_eq(shared.call, "strtod");
}

Test(stall_shared, needs_functions_of_the_programs_own)
{
	STALL(0, 30, OTHER(poll_), OTHER(getaddrinfo_));
	find(1);
	cr_expect_null(shared.own);
	cr_expect_null(shared.call);
}

/* A frame that was looked for, and one that is no function. */
Test(stall_shared, takes_no_frame_that_explains_nothing)
{
	STALL(0, 30, OTHER(poll_), OTHER(getaddrinfo_), OTHER(strtod_), OWN(parse));
	frames[0][1].scanned = frames[0][2].is_marker = true;
	find(1);
	cr_expect_str_eq(shared.call, "poll");
}
