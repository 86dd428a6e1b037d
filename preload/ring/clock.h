/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock of the hooks: the CPU's counter if the kernel itself trusts it, otherwise
 * CLOCK_MONOTONIC. Reading it is most of what an event costs. So there is no fence and no call; an
 * error of a few nanoseconds at the edge of a callback is accepted.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "format/trace_format.h"

/* libc's own. Another preload (libfaketime) may stand before it in the program, and what that one
 * says is not the time: it may run at another rate, or stand still. libtrace.c sets it; elsewhere
 * it is what the linker finds. */
extern int (*clock_gettime_real)(clockid_t clock, struct timespec *now)
    __attribute__((visibility("hidden")));

static inline uint64_t clock_mono_ns(void)
{
	struct timespec ts;

	clock_gettime_real(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline uint64_t clock_real_ns(void)
{
	struct timespec ts;

	clock_gettime_real(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline uint64_t clock_counter(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t counter;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(counter));
	return counter;
#else
#error "uvtrace knows the clocks of x86-64 and aarch64 only"
#endif
}

/* `clock` is an enum trace_clock. */
static inline uint64_t clock_read(uint32_t clock)
{
	return __builtin_expect(clock == TRACE_CLOCK_TSC, 1) ? clock_counter() : clock_mono_ns();
}

/* The counter and both clocks at one moment: of some tries the one in which the least time passed
 * between. */
static inline struct trace_clock_pair clock_pair_read(uint32_t clock)
{
	struct trace_clock_pair best = {0};
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t before = clock_read(clock);
		uint64_t mono_ns = clock_mono_ns();
		uint64_t after = clock_read(clock);
		uint64_t real_ns = clock_real_ns();

		if (after - before < best_width) {
			best_width = after - before;
			best = (struct trace_clock_pair){before + best_width / 2, mono_ns, real_ns};
		}
	}
	return best;
}

#endif
