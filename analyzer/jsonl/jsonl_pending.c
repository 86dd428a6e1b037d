/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests on their way: how long each took, and RequestPending for those that take long, while they do. The table is
 * looked over eight times in the time that a request may take, so what is told is up to an eighth late.
 *
 * Rules: no look is in vain for long: what the table holds, and the next event, say when there can be something to
 * tell. Derived from submissions and callbacks alone. Told of a request when it has been on its way for that time, for
 * twice, four times that and so on. Nothing is said of requests whose end may be among events that are missing. Memory
 * grows with the requests that are on their way at once, up to PENDING_MAX.
 */
#include <stdlib.h>

#include "jsonl.h"

#define LOOKS	    8
#define PENDING_MAX (1u << 20)

void jsonl_pending_begin(struct jsonl_process *process, uint32_t worker, uint32_t site, uint64_t object, uint64_t ns)
{
	struct request *request;

	if (object == 0 || !process->process->sites[site].callback || process->pending.count >= PENDING_MAX)
		return;
	request = request_table_add(&process->pending, object);
	if (request)
		*request = (struct request){.key = object, .submit_tick = ns, .site = site, .worker = worker};
	else
		request_table_empty(&process->pending); /* they are not followed then */
}

bool jsonl_pending_end(struct jsonl_process *process, uint64_t object, uint64_t ns, uint64_t *life_ns)
{
	struct request request;

	if (!request_table_take(&process->pending, object, &request) || ns < request.submit_tick)
		return false;
	*life_ns = ns - request.submit_tick;
	return true;
}

void jsonl_pending_forget(struct jsonl_process *process, uint32_t worker)
{
	for (size_t i = 0; i < process->pending.room;) {
		struct request *request = &process->pending.slots[i], taken;
		if (request->key != 0 && request->worker == worker)
			request_table_take(&process->pending, request->key, &taken); /* another may move here */
		else
			i++;
	}
}

uint64_t jsonl_pending_step_ns(const struct jsonl_process *process)
{
	return process->process->pending_ns / LOOKS;
}

/* How often the limit has doubled in that age; 0: it has not been reached. */
static uint32_t doublings(uint64_t age_ns, uint64_t limit_ns)
{
	uint32_t times = 0;

	for (uint64_t part = age_ns / limit_ns; part > 0; part /= 2)
		times++;
	return times;
}

/* At which age there is something to tell next. */
static uint64_t age_next_ns(uint64_t age_ns, uint64_t limit_ns)
{
	uint64_t next_ns = limit_ns;

	while (next_ns <= age_ns && next_ns < UINT64_MAX)
		next_ns = jsonl_later_ns(next_ns, next_ns);
	return next_ns;
}

uint64_t jsonl_pending_look(struct jsonl_process *process, uint64_t ns)
{
	uint64_t limit_ns = process->process->pending_ns, before_ns = process->pending_looked_ns;
	uint64_t next_ns = UINT64_MAX;

	process->pending_looked_ns = ns;
	for (size_t i = 0; i < process->pending.room; i++) {
		const struct request *request = &process->pending.slots[i];
		uint64_t since_ns = request->submit_tick;
		uint64_t age_ns = ns > since_ns ? ns - since_ns : 0,
			 age_before_ns = before_ns > since_ns ? before_ns - since_ns : 0;
		if (request->key == 0)
			continue;
		if (doublings(age_ns, limit_ns) > doublings(age_before_ns, limit_ns))
			jsonl_request_pending(process, request, ns, age_ns);
		if (jsonl_later_ns(since_ns, age_next_ns(age_ns, limit_ns)) < next_ns)
			next_ns = jsonl_later_ns(since_ns, age_next_ns(age_ns, limit_ns));
	}
	return next_ns;
}
