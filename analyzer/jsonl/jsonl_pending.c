/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests on their way: how long each took, and RequestPending for those that take long, while
 * they do: when one has been on its way for the limit, for twice, four times that and so on.
 * Derived from submissions and callbacks alone.
 *
 * How: a table by address, and beside it a queue for each doubling of the limit, in the order of
 * submission: the first of each is due next. What has ended meanwhile stays in its queue until it
 * comes to the front, or is swept out.
 *
 * Rules: what is done is proportional to the requests, however far the clock jumps. Nothing is said
 * of requests whose end may be among events that are missing. Memory grows with the requests that
 * are on their way at once, up to PENDING_MAX.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonl.h"

#define PENDING_MAX (1u << 20)
#define SWEEP_LEAST 1024 /* so many may have ended in the queues before they are swept out */

/* ---- Queues ---------------------------------------------------------------------------------- */

static int queue_add(struct jsonl_pending_queue *queue, struct jsonl_pending_entry entry)
{
	if (queue->end == queue->capacity) {
		size_t waiting = queue->end - queue->first;
		size_t capacity =
		    waiting > queue->capacity / 2 ? queue->capacity * 2 : queue->capacity;
		struct jsonl_pending_entry *entries =
		    calloc(capacity ? capacity : 64, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		if (waiting > 0)
			memcpy(entries, queue->entries + queue->first, waiting * sizeof(*entries));
		free(queue->entries);
		*queue =
		    (struct jsonl_pending_queue){entries, 0, waiting, capacity ? capacity : 64};
	}
	queue->entries[queue->end++] = entry;
	return 0;
}

static void queues_free(struct jsonl_pending *pending)
{
	for (uint32_t i = 0; i < JSONL_DOUBLINGS; i++)
		free(pending->queues[i].entries);
	memset(pending->queues, 0, sizeof(pending->queues));
	pending->filled = 0;
	pending->queued = 0;
	pending->due_ns = UINT64_MAX;
}

static bool is_forgotten(const struct jsonl_pending *pending, const struct request *request)
{
	const struct request *gap =
	    request_table_find(&pending->gaps, (uint64_t)request->worker + 1);

	return gap && request->submit_tick <= gap->submit_tick;
}

/* The request that an entry stands for; NULL where it has ended or is forgotten. */
static const struct request *entry_find(struct jsonl_pending *pending,
					const struct jsonl_pending_entry *entry)
{
	const struct request *request = request_table_find(&pending->requests, entry->key);
	struct request taken;

	if (!request || request->submit_tick != entry->since_ns)
		return NULL;
	if (!is_forgotten(pending, request))
		return request;
	request_table_take(&pending->requests, entry->key, &taken);
	return NULL;
}

static void queues_sweep(struct jsonl_pending *pending)
{
	for (uint32_t i = 0; i < JSONL_DOUBLINGS; i++) {
		struct jsonl_pending_queue *queue = &pending->queues[i];
		size_t kept = 0;
		for (size_t at = queue->first; at < queue->end; at++)
			if (entry_find(pending, &queue->entries[at]))
				queue->entries[kept++] = queue->entries[at];
		pending->queued -= queue->end - queue->first - kept;
		queue->first = 0;
		queue->end = kept;
	}
}

static int follow_in(struct jsonl_pending *pending, uint32_t queue,
		     struct jsonl_pending_entry entry)
{
	pending->filled |= 1ull << queue;
	return queue_add(&pending->queues[queue], entry);
}

/* ---- Beginning and ending -------------------------------------------------------------------- */

void jsonl_pending_free(struct jsonl_pending *pending)
{
	queues_free(pending);
	request_table_free(&pending->requests);
	request_table_free(&pending->gaps);
}

/* No memory: none of them is followed any further. */
static void give_up(struct jsonl_pending *pending)
{
	queues_free(pending);
	request_table_empty(&pending->requests);
}

static void follow(struct jsonl_process *process, uint64_t object, uint64_t ns)
{
	struct jsonl_pending *pending = &process->pending;
	uint64_t due_ns = jsonl_later_ns(ns, process->process->pending_ns);

	if (pending->queued > 2 * pending->requests.count + SWEEP_LEAST)
		queues_sweep(pending);
	if (follow_in(pending, 0, (struct jsonl_pending_entry){object, ns}) < 0) {
		give_up(pending);
		return;
	}
	pending->queued++;
	if (due_ns < pending->due_ns)
		pending->due_ns = due_ns;
}

void jsonl_pending_begin(struct jsonl_process *process, uint32_t worker, uint32_t site,
			 uint64_t object, uint64_t ns)
{
	struct jsonl_pending *pending = &process->pending;
	struct request *request;
	bool again;

	if (object == 0 || !process->process->sites[site].callback ||
	    pending->requests.count >= PENDING_MAX)
		return;
	request = request_table_add(&pending->requests, object);
	if (!request) {
		give_up(pending);
		return;
	}
	again =
	    request->key == object && request->submit_tick == ns; /* it is in its queue already */
	*request =
	    (struct request){.key = object, .submit_tick = ns, .site = site, .worker = worker};
	if (!again && process->process->pending_ns != UINT64_MAX)
		follow(process, object, ns);
}

bool jsonl_pending_end(struct jsonl_process *process, uint64_t object, uint64_t ns,
		       uint64_t *life_ns)
{
	struct request request;

	if (!request_table_take(&process->pending.requests, object, &request) ||
	    ns < request.submit_tick || is_forgotten(&process->pending, &request))
		return false;
	*life_ns = ns - request.submit_tick;
	return true;
}

void jsonl_pending_forget(struct jsonl_process *process, uint32_t worker, uint64_t ns)
{
	uint64_t key = (uint64_t)worker + 1;
	struct request *gap = request_table_add(&process->pending.gaps, key);

	if (gap)
		*gap = (struct request){.key = key, .submit_tick = ns};
	else
		give_up(&process->pending);
}

/* ---- Looking --------------------------------------------------------------------------------- */

/* How often the limit has doubled in that age; 0: it has not been reached. */
static uint32_t doublings(uint64_t age_ns, uint64_t limit_ns)
{
	uint32_t times = 0;

	for (uint64_t part = age_ns / limit_ns; part > 0; part /= 2)
		times++;
	return times;
}

/* When an entry of that queue is to be told of. */
static uint64_t entry_due_ns(const struct jsonl_pending_entry *entry, uint32_t queue,
			     uint64_t limit_ns)
{
	return limit_ns <= UINT64_MAX >> queue ? jsonl_later_ns(entry->since_ns, limit_ns << queue)
					       : UINT64_MAX;
}

/* Tells of the first ones of a queue, and moves them on. */
static int queue_look(struct jsonl_process *process, uint32_t which, uint64_t ns)
{
	struct jsonl_pending *pending = &process->pending;
	struct jsonl_pending_queue *queue = &pending->queues[which];
	uint64_t limit_ns = process->process->pending_ns;
	int error = 0;

	while (!error && queue->first < queue->end &&
	       entry_due_ns(&queue->entries[queue->first], which, limit_ns) <= ns) {
		struct jsonl_pending_entry entry = queue->entries[queue->first++];
		const struct request *request = entry_find(pending, &entry);
		uint32_t next = doublings(ns - entry.since_ns, limit_ns);

		if (request)
			jsonl_request_pending(process, request, ns, ns - entry.since_ns);
		if (request && next < JSONL_DOUBLINGS)
			error = follow_in(pending, next, entry);
		else
			pending->queued--;
	}
	return error;
}

static uint64_t due_next_ns(struct jsonl_pending *pending, uint64_t limit_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (uint64_t left = pending->filled; left != 0; left &= left - 1) {
		uint32_t which = (uint32_t)__builtin_ctzll(left);
		const struct jsonl_pending_queue *queue = &pending->queues[which];
		uint64_t due_ns = UINT64_MAX;

		if (queue->first < queue->end)
			due_ns = entry_due_ns(&queue->entries[queue->first], which, limit_ns);
		else
			pending->filled &= ~(1ull << which);
		if (due_ns < next_ns)
			next_ns = due_ns;
	}
	return next_ns;
}

void jsonl_pending_look(struct jsonl_process *process, uint64_t ns)
{
	struct jsonl_pending *pending = &process->pending;
	int error = 0;

	/* The oldest first: they come before younger ones in the queue that they move to. */
	for (uint64_t left = pending->filled; !error && left != 0;) {
		uint32_t which = 63 - (uint32_t)__builtin_clzll(left);

		left &= ~(1ull << which);
		error = queue_look(process, which, ns);
	}
	if (error)
		give_up(pending);
	else
		pending->due_ns = due_next_ns(pending, process->process->pending_ns);
}
