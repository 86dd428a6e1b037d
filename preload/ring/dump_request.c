/* SPDX-License-Identifier: Apache-2.0
 *
 * See dump_request.h.
 */
#include "dump_request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "futex.h"

#define LOOK_MS 100 /* at the drain, while an answer is waited for */

static struct shared_dump *place_take(struct shared *shared)
{
	for (uint32_t i = 0; i < SHARED_DUMPS_MAX; i++) {
		uint32_t free = DUMP_FREE;

		if (atomic_compare_exchange_strong(&shared->dumps[i].state, &free, DUMP_FILLING))
			return &shared->dumps[i];
	}
	return NULL;
}

/* No snprintf(), which is not async-signal-safe. */
static void reason_copy(char *to, const char *reason)
{
	size_t bytes = strnlen(reason, TRACE_DUMP_REASON_BYTES - 1);

	memcpy(to, reason, bytes);
	memset(to + bytes, 0, TRACE_DUMP_REASON_BYTES - bytes);
}

int dump_request(struct shared *shared, const struct dump_request *request)
{
	struct shared_dump *place;

	if (shared->options.writer != SHARED_WRITER_RECORDER)
		return -EOPNOTSUPP;
	place = place_take(shared);
	if (!place)
		return -EAGAIN;
	place->waits = request->waits;
	place->cause = request->cause;
	reason_copy(place->reason, request->reason ? request->reason : "");
	place->asked_ns = clock_mono_ns();
	place->last_ns = request->last_ns;
	place->next_ns = request->next_ns;
	/* Release: pairs with the acquire of the drain, which reads the rest then. */
	atomic_store_explicit(&place->state, DUMP_ASKED, memory_order_release);
	drain_wake(shared);
	return (int)(place - shared->dumps);
}

void dump_trigger(struct shared *shared, const char *reason)
{
	struct dump_request request = {.cause = TRACE_DUMP_TRIGGER,
				       .reason = reason,
				       .last_ns = DUMP_TRIGGER_LAST_NS,
				       .next_ns = DUMP_TRIGGER_NEXT_NS};
	uint64_t now_ns = clock_mono_ns();
	uint64_t before_ns = atomic_load(&shared->triggered_ns);
	bool soon = before_ns != 0 && now_ns - before_ns < shared->options.trigger_every_ns;

	if (soon || !atomic_compare_exchange_strong(&shared->triggered_ns, &before_ns, now_ns) ||
	    dump_request(shared, &request) < 0)
		atomic_fetch_add(&shared->dumps_suppressed, 1);
}

int dump_request_wait(struct shared *shared, int at, uint64_t timeout_ns,
		      struct shared_dump *answer)
{
	struct shared_dump *place = &shared->dumps[at];
	uint64_t until_ns = clock_mono_ns() + timeout_ns;
	uint32_t state;

	/* Acquire: pairs with the drain's release. */
	while ((state = atomic_load_explicit(&place->state, memory_order_acquire)) != DUMP_DONE) {
		if (clock_mono_ns() >= until_ns || state == DUMP_FREE || state == DUMP_FILLING ||
		    atomic_load(&shared->drain_state) == DRAIN_DONE)
			return -ETIMEDOUT;
		futex_wait(&place->state, state, LOOK_MS);
	}
	memcpy(answer, place, sizeof(*answer));
	atomic_store(&place->state, DUMP_FREE);
	return 0;
}

void dump_request_path(const char *trace_path, uint32_t pid, uint32_t number, char *text,
		       size_t bytes)
{
	size_t used = strnlen(trace_path, SHARED_PATH_BYTES);

	if (used > 4 && memcmp(trace_path + used - 4, ".bin", 4) == 0)
		used -= 4;
	snprintf(text, bytes, "%.*s.%u.%u.dump", (int)used, trace_path, pid, number);
}
