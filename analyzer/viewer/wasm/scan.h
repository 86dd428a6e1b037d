/* SPDX-License-Identifier: Apache-2.0
 *
 * Events of a handle or a request, found by reading the parts of the workers' streams that may hold
 * some once more.
 */
#ifndef VIEWER_SCAN_H
#define VIEWER_SCAN_H

#include "viewer.h"

#define SCAN_EVENTS_MAX	 20000
#define SCAN_OFFSETS_MAX 8

struct event {
	uint64_t tick, duration;
	size_t worker;
	uint32_t site, code; /* code: that of the event, TRACE_CODE_POLL for polls,
				TRACE_CODE_SUBMIT for submissions */
	bool in_pool;
};

struct scan {
	uint64_t object, from, to;
	uint64_t offsets[SCAN_OFFSETS_MAX]; /* of uv__work in requests */
	size_t offset_count;
	bool sends; /* all AsyncSend events, whatever the object */
	struct event *events;
	uint64_t *objects; /* of sends */
	size_t count, capacity, looked_at;
};

/* Reads the range of one worker, or of all (worker_count), into `events`: in the order of time.
 * `tell`: the page of how far it is. */
void scan_run(struct scan *scan, size_t only, bool tell);
/* Reads further and further back from a tick (or on) until `enough` says so, the trace ends or it
 * has read many items. */
typedef bool scan_enough(const struct scan *scan, uint64_t tick);
void scan_around(struct scan *scan, uint64_t tick, bool back, scan_enough *enough);
void scan_free(struct scan *scan);

#endif
