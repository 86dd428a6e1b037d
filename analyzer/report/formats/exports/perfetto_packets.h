/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets of Perfetto's format (perfetto.proto): one sequence of packets for each process, its
 * tracks, and the names that its events share.
 *
 * Rules: each packet is written at once. A name is interned in the packet of the first event that
 * has it. Event types and tracks are those of track_event.proto.
 */
#ifndef PERFETTO_PACKETS_H
#define PERFETTO_PACKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "perfetto.pb-c.h"
#include "report/formats/report_formats.h"

enum perfetto_type {
	PERFETTO_SLICE_BEGIN = 1,
	PERFETTO_SLICE_END,
	PERFETTO_INSTANT,
	PERFETTO_COUNTER
};

/* Categories, by their interned numbers. */
enum perfetto_category {
	PERFETTO_CALLBACK = 1,
	PERFETTO_POOL,
	PERFETTO_WAIT,
	PERFETTO_MARK,
	PERFETTO_CATEGORIES = PERFETTO_MARK
};

/* Names of values that go with an event, likewise. */
enum perfetto_value {
	PERFETTO_OBJECT = 1,
	PERFETTO_TRANSACTION,
	PERFETTO_CAUSE,
	PERFETTO_CUT,
	PERFETTO_READY,
	PERFETTO_VALUE,
	PERFETTO_END,
	PERFETTO_VALUES = PERFETTO_END
};

/* Tracks of a process, besides one for each worker. */
enum perfetto_track { PERFETTO_TRACK_PROCESS, PERFETTO_TRACK_QUEUED, PERFETTO_TRACK_RUNNING };

struct perfetto_packets {
	FILE *out;
	const struct trace_process *process;
	struct symbols *symbols;
	uint32_t sequence;
	bool by_wall_clock; /* the trace has processes of several boots */
	uint64_t hash;	    /* of the process */
	bool *named;	    /* by what an event is called */
	uint8_t *packed;    /* room for a packet */
	size_t capacity;
	int error;
};

/* Begins the sequence; 0 or -errno. */
int perfetto_begin(struct perfetto_packets *packets, FILE *out, const struct report_source *source,
		   bool by_wall_clock);
void perfetto_free(struct perfetto_packets *packets);

uint64_t perfetto_ns(const struct perfetto_packets *packets, uint64_t tick);
uint64_t perfetto_track(const struct perfetto_packets *packets, enum perfetto_track track);
uint64_t perfetto_worker_track(const struct perfetto_packets *packets, size_t worker);
/* A number of the process' own as one of the whole trace. */
uint64_t perfetto_id(const struct perfetto_packets *packets, uint64_t id);

/* What an event is called: a callback's site, work of that site on the pool, or a mark's name. Each
 * is made known in the packet of the first event that has it. */
#define PERFETTO_NAME_WAIT 1
void perfetto_name_site(struct perfetto_packets *packets, Perfetto__TrackEvent *event,
			uint32_t site, bool work);
void perfetto_name_mark(struct perfetto_packets *packets, Perfetto__TrackEvent *event,
			uint32_t name);

void perfetto_event(struct perfetto_packets *packets, uint64_t tick, Perfetto__TrackEvent *event);

#endif
