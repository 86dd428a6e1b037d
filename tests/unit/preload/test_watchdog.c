/* SPDX-License-Identifier: Apache-2.0
 *
 * The watchdog's rounds over a ring made here: of which polls the thread's CPU time is read, and
 * when. The thread is the test's own, so what is read is compared with the kernel's file.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "ring/clock.h"
#include "watch/watchdog.h"

#define RECORDS	 64u
#define STALL_MS 2500u
#define NEW_MS	 (STALL_MS / 25) /* after which a poll is not new any more */

static struct shared shared;
static struct segment segment;
static struct watchdog watchdog;
static struct encoder encoder;
static struct record records[RECORDS];
static struct watchdog_ring ring;

static void set_up(void)
{
	shared.enabled = 1;
	shared.options.stall_ms = STALL_MS;
	shared.clock = TRACE_CLOCK_MONOTONIC;
	shared.start = (struct trace_clock_pair){clock_mono_ns() - 1, clock_mono_ns() - 1, 0};
	segment.proc_pid = (uint32_t)getpid();
	segment.clock = TRACE_CLOCK_MONOTONIC;
	watchdog_init(&watchdog, &shared, &segment);
	ring = (struct watchdog_ring){
	    .worker = 1,
	    .tid = (uint32_t)gettid(),
	    .role = TRACE_ROLE_LOOP,
	    .records = records,
	    .laps = {.capacity = RECORDS, .size = RECORDS, .cycles = 1},
	    .encoder = &encoder,
	};
}

TestSuite(watchdog, .init = set_up, .timeout = 60);

/* One round after so many more events, of which the last begins a poll. */
static const struct stall_poll *see_poll(uint32_t events, uint64_t counter)
{
	ring.head += events;
	encoder.index = ring.head - 1;
	records[(ring.head - 1) % RECORDS] =
	    (struct record){counter, trace_word(0x1000, TRACE_CODE_POLL)};
	watchdog.seen_ns = 0;
	cr_assert(watchdog_begin(&watchdog, clock_mono_ns()));
	watchdog_see(&watchdog, &ring);
	return &watchdog.polls[0];
}

static uint64_t cpu_time_ns(void)
{
	unsigned long long ns = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "r");

	cr_assert_eq(fscanf(file, "%llu", &ns), 1);
	fclose(file);
	return ns;
}

/* What has not begun yet has only just begun. */
static uint64_t just_now(void)
{
	return clock_mono_ns() + 1000000000;
}

Test(watchdog, of_a_poll_among_few_the_cpu_time_is_read_at_once)
{
	uint64_t before_ns = cpu_time_ns();
	const struct stall_poll *poll = see_poll(4, just_now());

	cr_assert_neq(poll->base_counter, 0);
	cr_assert_geq(poll->base.cpu.cpu_ns, before_ns);
	cr_assert_leq(poll->base.cpu.cpu_ns, cpu_time_ns());
}

Test(watchdog, of_a_poll_that_is_not_new_any_more_it_is_read_at_once)
{
	cr_assert_neq(see_poll(100000, clock_mono_ns() - 2 * NEW_MS * 1000000)->base_counter, 0);
}

Test(watchdog, of_a_new_poll_among_many_it_is_read_when_it_is_still_there)
{
	uint64_t counter = just_now();

	cr_assert_eq(see_poll(100000, counter)->base_counter, 0);
	usleep(NEW_MS * 1000);
	cr_assert_neq(see_poll(0, counter)->base_counter, 0);
}

Test(watchdog, of_a_new_poll_among_many_it_is_never_read_when_another_follows)
{
	cr_assert_eq(see_poll(100000, just_now())->base_counter, 0);
	usleep(NEW_MS * 1000);
	cr_assert_eq(see_poll(100000, just_now())->base_counter, 0);
}
