/* SPDX-License-Identifier: Apache-2.0
 *
 * From uv_async_send() to its callback, over all workers in the order of time. The time between is
 * cut in three: the loop did not wait yet (it was busy, or nobody ran it), the kernel woke it, and
 * others came first in the iteration.
 *
 * A send while another is under way is coalesced: libuv runs one callback for both, and the first
 * counts. Nobody runs a loop before its first uv_run: sends before that count from there on.
 */
#include <errno.h>
#include <stdlib.h>

#include "timeline_internal.h"

/* What the next async poll of a worker is told. */
struct wake {
	uint64_t queue_ticks, wait_ticks;
	uint64_t run_tick; /* when it first called uv_run; 0: not seen */
};

struct wakeups {
	struct request_table sent; /* by uv_async_t; `site` counts the coalesced ones */
	struct wake *wakes;	   /* by worker */
};

struct wakeups *wakeups_make(const struct timeline *timeline)
{
	struct wakeups *wakeups = calloc(1, sizeof(*wakeups));

	if (!wakeups)
		return NULL;
	wakeups->wakes = calloc(timeline->process->worker_count + 1, sizeof(*wakeups->wakes));
	if (wakeups->wakes)
		return wakeups;
	free(wakeups);
	return NULL;
}

void wakeups_free(struct wakeups *wakeups)
{
	if (!wakeups)
		return;
	request_table_free(&wakeups->sent);
	free(wakeups->wakes);
	free(wakeups);
}

/* ---- Two numbers in 48 bits: 18 bits of each and by how much they are shifted ---------------- */

static uint64_t pack_one(uint64_t ticks)
{
	uint32_t shift = ticks >> 18 ? 46u - (uint32_t)__builtin_clzll(ticks) : 0;

	return (ticks >> shift) << 6 | shift;
}

static uint64_t unpack_one(uint64_t packed)
{
	return (packed >> 6 & 0x3ffff) << (packed & 63);
}

uint64_t wakeups_pack(uint64_t queue_ticks, uint64_t wait_ticks)
{
	return pack_one(queue_ticks) << 24 | pack_one(wait_ticks);
}

/* ---- Events ---------------------------------------------------------------------------------- */

int wakeups_send(struct wakeups *wakeups, uint64_t object, uint64_t tick)
{
	struct request *sent = request_table_find(&wakeups->sent, object);

	if (sent)
		sent->site++;
	if (sent || object == 0)
		return 0;
	sent = request_table_add(&wakeups->sent, object);
	if (!sent)
		return -ENOMEM;
	*sent = (struct request){.key = object, .submit_tick = tick};
	return 0;
}

void wakeups_run(struct wakeups *wakeups, size_t position, uint64_t tick)
{
	wakeups->wakes[position].run_tick = tick;
}

void wakeups_wake(struct wakeups *wakeups, size_t position, uint64_t packed)
{
	wakeups->wakes[position].queue_ticks = unpack_one(packed >> 24);
	wakeups->wakes[position].wait_ticks = unpack_one(packed);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void wakeups_poll(struct timeline *timeline, size_t position, uint32_t site, uint64_t object,
		  uint64_t tick)
{
	struct wakeups *wakeups = timeline->hidden->wakeups;
	struct timeline_wakeups *facts = &timeline->sites[site].wakeups;
	struct request send;

	if (!request_table_take(&wakeups->sent, object, &send) ||
	    !timeline_overlaps(timeline, send.submit_tick, tick))
		return;
	if (send.submit_tick < wakeups->wakes[position].run_tick)
		send.submit_tick = wakeups->wakes[position].run_tick;
	uint64_t latency = tick > send.submit_tick ? tick - send.submit_tick : 0;
	uint64_t queue = least(wakeups->wakes[position].queue_ticks, latency);
	uint64_t kernel = least(wakeups->wakes[position].wait_ticks, latency - queue);
	histogram_add(&facts->latency, latency);
	facts->queue_ticks += queue;
	facts->kernel_ticks += kernel;
	facts->busy_ticks += latency - queue - kernel;
	facts->sends += 1 + send.site;
	facts->coalesced += send.site;
	if (latency <= facts->worst_ticks)
		return;
	facts->worst_ticks = latency;
	facts->worst_tick = send.submit_tick;
	facts->worst_worker = (uint32_t)position;
}

void wakeups_forget(struct wakeups *wakeups)
{
	request_table_empty(&wakeups->sent);
}
