/* SPDX-License-Identifier: Apache-2.0
 *
 * A signal handler that emits while it interrupts an emission, at each instruction of it.
 */
#include <signal.h>

#include "capacity_helper.h"

#if defined(__x86_64__)
#define INTERRUPTED 7

static volatile long steps, interrupt_at;
static volatile bool did_emit;

/* After each instruction; in one place it emits, as uv_async_send in a signal handler does. */
static void on_step(int signal)
{
	(void)signal;
	if (steps++ != interrupt_at || thread.busy)
		return;
	did_emit = true;
	thread_put(&thread, 1, INTERRUPTED);
}

static const uint64_t three_words[] = {10, 11, 12};

static void emit_three(void)
{
	thread_put_all(&thread, 1, three_words, 3);
}

static const uint64_t opened_words[] = {TRACE_CODE_POLL};

/* As dispatch does it. */
static void emit_opened(void)
{
	struct thread *current = &thread;

	__asm__("" : "+r"(current)); /* unknown to the compiler */
	thread_open(current, thread_sp(), clock_counter(), opened_words[0]);
	current->depth--;
}

static const struct {
	void (*emit)(void);
	const uint64_t *words;
	size_t count;
} emissions[] = {{emit_three, three_words, 3}, {emit_opened, opened_words, 1}};

/* The processor's trap flag; below the red zone. */
#define TRAPS(change)                                                                              \
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; " change                                 \
			 " (%%rsp); popfq; lea 128(%%rsp), %%rsp" ::                               \
			     : "cc", "memory")

static void step_through(void (*emission)(void))
{
	steps = 0;
	did_emit = false;
	TRAPS("orq $0x100,");
	emission();
	TRAPS("andq $~0x100,");
}

static void check_emitted(size_t emission, uint64_t head)
{
	size_t next = 0, interrupted = 0;

	cr_assert_eq(atomic_load(&ring->head), thread.head);
	for (; head < thread.head; head++) {
		uint64_t word = thread_record(&thread, head)->word;

		if (word == INTERRUPTED)
			interrupted++;
		else
			cr_assert(next < emissions[emission].count &&
				      word == emissions[emission].words[next++],
				  "a signal after %ld instructions of %zu: word %lx", interrupt_at,
				  emission, word);
	}
	cr_assert_eq(next, emissions[emission].count);
	cr_assert_eq(interrupted, did_emit);
}

TestSuite(emission, .timeout = 60);

/* Wherever a signal comes: what its handler emits and what it interrupted are both in the ring, and
 * nothing else. */
Test(emission, a_signal_at_any_instruction)
{
	begin(16 * STEP_BYTES);
	signal(SIGTRAP, on_step);
	for (size_t i = 0; i < sizeof(emissions) / sizeof(emissions[0]); i++) {
		for (interrupt_at = 0, steps = 1; steps > interrupt_at; interrupt_at++) {
			uint64_t head = thread.head;

			if (head + 4 >= thread.limit)
				cr_assert(thread_capacity_find(&thread, atomic_load(&ring->tail)));
			step_through(emissions[i].emit);
			check_emitted(i, head);
		}
		cr_expect_gt(interrupt_at, 10, "%ld instructions", interrupt_at);
	}
}
#endif
