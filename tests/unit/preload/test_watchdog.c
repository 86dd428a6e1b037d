/* SPDX-License-Identifier: Apache-2.0
 *
 * The watchdog's rounds over a ring made here: which polls are watched, and of which the thread's
 * CPU time is read, and when. The thread is the test's own, so what is read is compared with the
 * kernel's file.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
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

/* ---- Loops inside ---------------------------------------------------------------------------- */

/* A thread that waits in the loop 0x2000, or else one that a callback of that loop runs. */
static void park(uint64_t began, uint64_t inside)
{
	static const uint64_t outer = 0x2000;

	records[0] = (struct record){began - 1, trace_word(outer, TRACE_LOOP_ENTER)};
	ring.head = 1;
	if (inside) {
		records[1] = (struct record){began, trace_word(0x1000, TRACE_CODE_POLL)};
		records[2] = (struct record){began + 1, trace_word(inside, TRACE_LOOP_ENTER)};
		ring.head = 3;
	}
	records[ring.head] = (struct record){began + 2, trace_word(0, TRACE_PARK)};
	ring.head++;
}

/* One round; `encoded` of the records are what the encoder knows. */
static const struct stall_poll *see(uint64_t encoded)
{
	memset(&encoder.open, 0, sizeof(encoder.open));
	for (uint64_t i = 0; i < encoded; i++)
		open_apply(&encoder.open, records[i].word, records[i].counter);
	encoder.index = encoded;
	watchdog.seen_ns = 0;
	cr_assert(watchdog_begin(&watchdog, clock_mono_ns()));
	watchdog_see(&watchdog, &ring);
	return &watchdog.polls[0];
}

Test(watchdog, a_callback_that_waits_in_a_loop_of_its_own_is_watched)
{
	uint64_t began = just_now();

	park(began, 0x3000);
	for (uint64_t encoded = 0; encoded <= ring.head; encoded++) {
		const struct stall_poll *poll = see(encoded);
		cr_assert_eq(poll->counter, began, "%u encoded", (unsigned)encoded);
		cr_assert_eq(poll->word, records[1].word);
		cr_assert(poll->waits);
		cr_assert_eq(watchdog.next_ns, poll->due_ns);
	}
}

Test(watchdog, a_callback_that_was_sampled_waiting_is_left_alone)
{
	uint64_t began = just_now();

	park(began, 0x3000);
	watchdog.polls[0].waits_sampled = began;
	cr_assert_eq(see(ring.head)->counter, began);
	cr_assert_eq(watchdog.next_ns, UINT64_MAX);
	records[ring.head++] = (struct record){began + 3, trace_word(0, TRACE_UNPARK)};
	cr_assert_eq(see(ring.head)->counter, 0);
	records[ring.head++] = (struct record){began + 4, trace_word(0, TRACE_PARK)};
	cr_assert_eq(see(ring.head)->waits_sampled, began);
	cr_assert_eq(watchdog.next_ns, UINT64_MAX);
}

Test(watchdog, a_wait_between_callbacks_is_not_watched)
{
	for (int inside = 0; inside < 2; inside++) { /* the same loop goes on */
		park(just_now(), inside ? 0x2000 : 0);
		for (uint64_t encoded = 0; encoded <= ring.head; encoded++) {
			cr_assert_eq(see(encoded)->counter, 0);
			cr_assert_eq(watchdog.next_ns, UINT64_MAX);
		}
	}
}

Test(watchdog, a_pool_thread_that_waits_is_not_watched)
{
	park(just_now(), 0x3000);
	ring.role = TRACE_ROLE_POOL;
	cr_assert_eq(see(ring.head)->counter, 0);
}
