/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams that are written to faster than they are read: their queue of writes grows on.
 *
 * Rules: a queue grows on where each write waits behind others, or is submitted in the callback of
 * the one before. One that was filled at once, or that stays as full as it is, is none: a program
 * may leave a large answer to libuv, and may fill its queue up to a limit.
 */
#include "findings/findings_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "format/trace_tables.h"
#include "second_look.h"

/* A stretch in which a stream's queue was not empty for long enough to be forgotten. */
struct stretch {
	uint32_t site; /* of the newest write */
	uint32_t stream;
	uint64_t begin_tick, writes;
	uint64_t first_bytes, most_bytes;
	uint64_t half_ticks;  /* since the begin, when most_bytes was ... */
	uint64_t half_bytes;  /* ... that */
	uint64_t early_bytes; /* the most in no more than the first half */
};

struct found_queue {
	uint32_t fd, site, stream; /* bytes 0: none was found */
	uint64_t begin_tick, end_tick, first_bytes, bytes, writes;
};

struct queues {
	const struct detection *detection;
	struct stretch *list; /* by descriptor */
	uint32_t site;	      /* of the submission before; site_count: the event before was none */
	uint32_t only;	      /* this site's alone; site_count: of all */
	struct found_queue worst;
};

static uint64_t callback_of(const struct queues *queues, uint32_t site)
{
	const struct trace_process *process = queues->detection->timeline->process;

	return site < process->site_count ? process->sites[site].callback : 0;
}

static bool goes_on(const struct queues *queues, const struct stretch *stretch, bool behind,
		    uint32_t by)
{
	return stretch->writes > 0 &&
	       (behind || (callback_of(queues, by) != 0 &&
			   callback_of(queues, by) == callback_of(queues, queues->site)));
}

/* The half of the time so far begins anew each time that it has doubled. */
static void stretch_add(struct stretch *stretch, uint64_t tick, uint64_t bytes)
{
	uint64_t ticks = tick - stretch->begin_tick;

	if (bytes > stretch->most_bytes)
		stretch->most_bytes = bytes;
	if (ticks == 0 || ticks < 2 * stretch->half_ticks)
		return;
	stretch->early_bytes = stretch->half_bytes;
	stretch->half_ticks = ticks;
	stretch->half_bytes = stretch->most_bytes;
}

static bool is_growing(const struct queues *queues, const struct stretch *stretch, uint64_t tick)
{
	const struct detection *detection = queues->detection;
	double times = limit(detection, LIMIT_queue_growth);

	return (double)stretch->most_bytes >= limit(detection, LIMIT_queue_bytes) &&
	       ns_of(detection->timeline, tick - stretch->begin_tick) >=
		   limit(detection, LIMIT_queue_time) &&
	       (double)stretch->most_bytes >= times * (double)stretch->early_bytes;
}

static void queue_take(struct queues *queues, uint64_t tick, const struct trace_queue *queue,
		       uint32_t by)
{
	struct stretch *stretch = &queues->list[queue->fd];

	if (!goes_on(queues, stretch, queue->behind, by))
		*stretch = (struct stretch){.begin_tick = tick,
					    .stream = queue->stream,
					    .first_bytes = queue->bytes,
					    .half_bytes = queue->bytes,
					    .early_bytes = queue->bytes};
	stretch->site = queues->site;
	stretch->writes++;
	stretch_add(stretch, tick, queue->bytes);
	if (queue->bytes < stretch->most_bytes || queue->bytes <= queues->worst.bytes ||
	    !is_growing(queues, stretch, tick))
		return;
	queues->worst = (struct found_queue){
	    .fd = queue->fd,
	    .site = stretch->site,
	    .stream = stretch->stream,
	    .begin_tick = stretch->begin_tick,
	    .end_tick = tick,
	    .first_bytes = stretch->first_bytes,
	    .bytes = queue->bytes,
	    .writes = stretch->writes,
	};
}

static void take(void *arg, uint64_t tick, uint64_t word, uint32_t by)
{
	struct queues *queues = arg;
	uint32_t code = trace_word_code(word);
	uint32_t none = (uint32_t)queues->detection->timeline->process->site_count;
	struct trace_queue queue = trace_queue_of(word);
	bool is_asked = queues->only == none || queues->site == queues->only;

	if (code == TRACE_WRITE_QUEUE && queues->site < none && is_asked)
		queue_take(queues, tick, &queue, by);
	queues->site = trace_code_is_submit(code) ? code - TRACE_CODE_SUBMIT : none;
}

static void forget(void *arg, uint64_t tick)
{
	struct queues *queues = arg;

	(void)tick;
	for (size_t i = 0; i <= TRACE_QUEUE_FD_MAX; i++)
		queues->list[i] = (struct stretch){0};
}

/* The largest queue of that worker that grew on. `only`: of writes of this site. */
static struct found_queue queue_worst(const struct detection *detection, size_t worker,
				      uint32_t only)
{
	struct queues queues = {
	    .detection = detection,
	    .list = calloc(TRACE_QUEUE_FD_MAX + 1, sizeof(*queues.list)),
	    .site = (uint32_t)detection->timeline->process->site_count,
	    .only = only,
	};
	const struct second_look look = {.take = take, .forget = forget, .arg = &queues};

	if (queues.list)
		second_look(detection->input, worker, &look);
	free(queues.list);
	return queues.worst;
}

/* ---- Telling it ------------------------------------------------------------------------------ */

/* "stdout (fd 1, a pipe)" */
static void stream_fact(struct finding *finding, const struct found_queue *queue)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	const char *kind = trace_stream_name(queue->stream);
	char text[64], number[24] = "a descriptor above 4094";

	if (queue->fd < TRACE_QUEUE_FD_MAX)
		snprintf(number, sizeof(number), "fd %u", queue->fd);
	if (queue->fd < sizeof(names) / sizeof(*names))
		snprintf(text, sizeof(text), "%s (%s, %s)", names[queue->fd], number,
			 kind ? kind : "a stream");
	else
		snprintf(text, sizeof(text), "%s %s", kind ? kind : "stream", number);
	fact_text(finding, FACT_stream, text);
}

static void queue_tell(const struct detection *detection, struct finding *finding,
		       const struct found_queue *queue)
{
	stream_fact(finding, queue);
	fact_whole(finding, FACT_queue_first_bytes, queue->first_bytes);
	fact_whole(finding, FACT_queue_bytes, queue->bytes);
	fact_whole(finding, FACT_writes, queue->writes);
	fact_ticks(detection, finding, FACT_queue_ns, queue->end_tick - queue->begin_tick);
}

void queue_facts(const struct detection *detection, struct finding *finding, size_t worker,
		 uint32_t site)
{
	struct found_queue queue = queue_worst(detection, worker, site);

	if (queue.bytes > 0)
		queue_tell(detection, finding, &queue);
	else
		fact_whole(finding, FACT_queue_bytes, detection->timeline->sites[site].queue_bytes);
}

/* How long the site's writes took, those that are still on their way too: the longest, and all. */
static uint64_t longest_write(const struct timeline *timeline, uint32_t site)
{
	uint64_t longest = timeline->sites[site].life.max;

	for (size_t i = 0; i < timeline->pending.count; i++) {
		const struct timeline_span *span = &timeline->pending.spans[i];
		if (span->site == site && span->duration > longest)
			longest = span->duration;
	}
	return longest;
}

uint64_t queue_cost_ns(const struct timeline *timeline, uint32_t site)
{
	double all_ns = ns_of(timeline, timeline->sites[site].life.sum);

	for (size_t i = 0; i < timeline->pending.count; i++) {
		if (timeline->pending.spans[i].site == site)
			all_ns += ns_of(timeline, timeline->pending.spans[i].duration);
	}
	return whole_ns(all_ns);
}

static void queue_found(struct detection *detection, size_t worker, const struct found_queue *queue)
{
	const struct timeline *timeline = detection->timeline;
	struct finding finding = finding_make(detection, FINDING_WRITE_QUEUE, SEVERITY_WARNING);
	uint64_t longest = longest_write(timeline, queue->site);

	if ((double)ns_of(timeline, longest) < limit(detection, LIMIT_queue_time) ||
	    found_blaming(detection, FINDING_REQUEST_GROWTH, queue->site))
		return;
	finding_blame(detection, &finding, queue->site);
	finding_worker(detection, &finding, worker);
	finding.from_ns = timeline_offset_ns(timeline, queue->begin_tick);
	finding.to_ns = timeline_offset_ns(timeline, queue->end_tick);
	queue_tell(detection, &finding, queue);
	fact_ticks(detection, &finding, FACT_duration_ns, longest);
	finding.cost_ns = queue_cost_ns(timeline, queue->site);
	finding.confidence = 0.9;
	finding_add(detection, &finding);
}

void detect_queues(struct detection *detection)
{
	const struct timeline *timeline = detection->timeline;
	uint64_t most = 0;

	for (size_t i = 0; i < timeline->process->site_count; i++) {
		if (timeline->sites[i].queue_bytes > most)
			most = timeline->sites[i].queue_bytes;
	}
	if ((double)most < limit(detection, LIMIT_queue_bytes))
		return;
	for (size_t i = 0; i < timeline->process->worker_count; i++) {
		struct found_queue queue =
		    queue_worst(detection, i, (uint32_t)timeline->process->site_count);
		if (queue.bytes > 0)
			queue_found(detection, i, &queue);
	}
}
