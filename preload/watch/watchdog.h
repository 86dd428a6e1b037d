/* SPDX-License-Identifier: Apache-2.0
 *
 * Detects callbacks that have not returned. Each callback of a loop that runs for longer than
 * UVTRACE_STALL_MS is sampled (stall_probe.h), again at doubling intervals, and its end is
 * recorded. The drain runs this with what it knows of the rings; the program does nothing for it.
 *
 * Watched are the innermost open callback of a loop's thread, and the iterations of a loop whose
 * callbacks are not visible (tier "libc"). While the thread waits in a loop that a callback runs,
 * the outermost callback is watched; that is sampled once, and never stopped for it. The work of a
 * pool thread is watched from WATCHDOG_POOL times the threshold on; a pool thread is never stopped.
 *
 * Rules: at most WATCHDOG_SAMPLES_MAX samples a second; those left out are counted. A sample that
 * must stop the thread may have to wait. So a separate thread takes it, which is made for the first
 * sample. In a thread of the program nothing is ever stopped. No allocation.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/encoder.h"
#include "ring/laps.h"
#include "sampler.h"
#include "segment/segment.h"
#include "ring/shared.h"
#include "thread_sample.h"

#define WATCHDOG_SAMPLES_MAX 5 /* a second */
#define WATCHDOG_POOL	     10

/* A ring as the drain has it. */
struct watchdog_ring {
	uint32_t index; /* of the ring */
	uint32_t worker, tid;
	uint8_t role;
	const struct record *records;
	struct laps laps;
	uint64_t head;
	const struct encoder *encoder; /* what was open below encoder->index */
};

struct watchdog {
	struct shared *shared;
	struct segment *segment;
	uint64_t threshold_ns; /* 0: off */
	uint64_t now_ns, now_counter;
	uint64_t seen_ns;			 /* when the rings were last seen */
	uint64_t next_ns;			 /* the earliest sample that is due */
	uint64_t asked_ns[WATCHDOG_SAMPLES_MAX]; /* when the last samples were asked for */
	uint64_t asked, taken, suppressed, blind;
	struct stall_poll polls[SHARED_RINGS_MAX];
};

void watchdog_init(struct watchdog *watchdog, struct shared *shared, struct segment *segment);

/* Begins a round, if it is time for one: watchdog_see() for each ring follows. */
bool watchdog_begin(struct watchdog *watchdog, uint64_t now_ns);
void watchdog_see(struct watchdog *watchdog, const struct watchdog_ring *ring);

/* The ring is nobody's now. */
void watchdog_forget(struct watchdog *watchdog, uint32_t index);

/* A sample with the names in it. */
#define WATCHDOG_NEWS_BYTES_MAX (TRACE_STALL_ENTRY_BYTES_MAX + 2 * SCRIPT_TEXT_BYTES)

/* True when a sample is there that will be written in this round: the segment should have room for
 * WATCHDOG_NEWS_BYTES_MAX. */
bool watchdog_has_news(const struct watchdog *watchdog);

/* In how many milliseconds a round is wanted, -1: never. `quiet`: nobody goes on without waking the
 * drain, so only polls that are open now can become too long. */
int watchdog_wait_ms(const struct watchdog *watchdog, uint64_t now_ns, bool quiet);

/* Looks taken, left out, and those that saw nothing. */
union sampler_values watchdog_totals(const struct watchdog *watchdog);

#endif
