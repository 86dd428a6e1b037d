/* SPDX-License-Identifier: Apache-2.0
 *
 * See control.h.
 */
#include "control.h"

#include <errno.h>

#include "clock.h"
#include "futex.h"

void drain_wake(struct shared *shared)
{
	/* Release: pairs with the acquire in asked_note(): what was asked before is seen. */
	atomic_fetch_add_explicit(&shared->wake, 1, memory_order_release);
	futex_wake(&shared->wake);
}

bool control_enable(struct shared *shared, bool on)
{
	uint64_t now = clock_read(shared->clock);
	bool was;

	atomic_store(&shared->switched_counter, now);
	was = atomic_exchange(&shared->enabled, on);
	if (was != on)
		shared_note_switch(shared, on, now);
	for (uint32_t i = 0; i < SHARED_RINGS_MAX; i++)
		shared_ring_enable(shared, &shared->rings[i]);
	drain_wake(shared); /* it writes the change into the trace */
	return was;
}

int control_flush(struct shared *shared, int timeout_ms)
{
	uint32_t mine = atomic_fetch_add(&shared->flush_asked, 1) + 1;
	uint64_t until_ns = clock_mono_ns() + timeout_ms * 1000000ull;
	uint32_t done;

	drain_wake(shared);
	while ((int32_t)((done = atomic_load(&shared->flush_done)) - mine) < 0) {
		if (clock_mono_ns() >= until_ns || atomic_load(&shared->drain_state) == DRAIN_DONE)
			return -ETIMEDOUT;
		futex_wait(&shared->flush_done, done, 20);
	}
	return 0;
}

int control_rotate(struct shared *shared, int timeout_ms)
{
	atomic_fetch_add(&shared->rotate_asked, 1);
	return control_flush(shared, timeout_ms);
}
