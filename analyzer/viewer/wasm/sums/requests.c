/* SPDX-License-Identifier: Apache-2.0
 *
 * How many requests are on their way, from submission to callback: counted while each loop's items
 * are read, for the chart.
 *
 * Rules: as in timeline_requests.c. Requests without a callback are not counted, as they end
 * unseen; where events are missing, none is known to be on its way any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/request_table.h"
#include "viewer.h"

struct request_count {
	struct request_table begun;
	struct levels *parts; /* by worker, as far as they are read */
	size_t worker_count;
	uint8_t *is_request; /* by site */
};

struct request_count *requests_count_open(void)
{
	const struct trace_process *process = viewer.process;
	struct request_count *count = calloc(1, sizeof(*count));

	if (!count)
		return NULL;
	count->worker_count = process->worker_count;
	count->parts = calloc(process->worker_count + 1, sizeof(*count->parts));
	count->is_request = calloc(process->site_count + 1, 1);
	if (!count->parts || !count->is_request) {
		requests_count_close(count);
		return NULL;
	}
	for (size_t i = 0; i < process->site_count; i++) {
		const struct trace_site *site = &process->sites[i];
		uint8_t class = site->present && site->kind < process->kind_count
				    ? process->kinds[site->kind].class
				    : KIND_CLASS_NONE;
		count->is_request[i] =
		    site->callback && (class == KIND_CLASS_REQUEST || class == KIND_CLASS_POOL);
	}
	return count;
}

int requests_count_gap(struct request_count *count, size_t worker, uint64_t tick)
{
	int gone = (int)count->begun.count;

	request_table_empty(&count->begun);
	return gone > 0 ? levels_change(&count->parts[worker], tick, -gone) : 0;
}

static bool is_request(const struct request_count *count, uint32_t site, uint64_t object)
{
	return site < viewer.process->site_count && count->is_request[site] && object != 0;
}

static int request_begin(struct request_count *count, size_t worker, uint64_t object, uint64_t tick)
{
	size_t before = count->begun.count;
	struct request *request = request_table_add(&count->begun, object);

	if (!request)
		return -ENOMEM;
	*request = (struct request){.key = object, .submit_tick = tick};
	return count->begun.count > before ? levels_change(&count->parts[worker], tick, 1) : 0;
}

static int request_end(struct request_count *count, size_t worker, uint64_t object, uint64_t tick)
{
	struct request request;

	return request_table_take(&count->begun, object, &request)
		   ? levels_change(&count->parts[worker], tick, -1)
		   : 0;
}

int requests_count_take(struct request_count *count, size_t worker, const struct trace_item *items,
			size_t item_count)
{
	int error = 0;

	for (size_t i = 0; error == 0 && i < item_count; i++) {
		uint64_t object = trace_word_object(items[i].word), tick = items[i].tick;
		uint32_t code = trace_word_code(items[i].word);
		if (items[i].shape == TRACE_SHAPE_WAIT)
			continue;
		if (trace_code_is_poll(code)) {
			if (is_request(count, code - TRACE_CODE_POLL, object))
				error = request_end(count, worker, object, tick);
		} else if (trace_code_is_submit(code)) {
			if (is_request(count, code - TRACE_CODE_SUBMIT, object))
				error = request_begin(count, worker, object, tick);
		} else if (trace_set_has(trace_lost_set, code)) {
			error = requests_count_gap(count, worker, tick);
		}
	}
	return error;
}

void requests_count_worker_end(struct request_count *count)
{
	request_table_empty(&count->begun);
}

int requests_count_finish(struct request_count *count)
{
	return levels_join(&viewer.requests, count->parts, count->worker_count);
}

void requests_count_close(struct request_count *count)
{
	if (!count)
		return;
	for (size_t i = 0; count->parts && i < count->worker_count; i++)
		levels_free(&count->parts[i]);
	request_table_free(&count->begun);
	free(count->is_request);
	free(count->parts);
	free(count);
}
