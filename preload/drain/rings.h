/* SPDX-License-Identifier: Apache-2.0
 *
 * The drain's own state, and the half of it that brings records from the rings into segments
 * (rings.c; rings_memory.c gives back what they do not need); the other half is drain.c, and
 * samples.c says when samples are taken. Nobody else includes this.
 */
#ifndef RINGS_H
#define RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder_state.h"
#include "segment/encoder.h"
#include "watch/profiler.h"
#include "ring/laps.h"
#include "watch/sampler.h"
#include "segment/segment.h"
#include "ring/shared.h"
#include "watch/watchdog.h"

/* The private half of a ring: what its worker is and how far it has been drained. */
struct drain_worker {
	uint32_t worker; /* 0: the ring is nobody's */
	uint32_t tid;
	uint8_t role;
	uint8_t name_bytes;
	char name[16];
	uint64_t start_tick, end_tick;
	bool has_ended;	  /* as noted in this tick: the head is the last one */
	uint64_t head;	  /* as noted in this tick ... */
	struct laps laps; /* ... and where the records below it lie */
	uint64_t grown;	  /* by so many since the tick before */
	uint64_t sampled; /* head at the last sample */
	uint64_t tidied;  /* head when its memory was last looked at */
	bool untidy;	  /* it may have memory that it does not need */
	uint32_t open;	  /* of shared_ring.open: what is open at the tail */
	uint64_t lost;
	uint64_t told_recorded, told_lost; /* in the last worker entry */
	struct sampler_worker samples;
	uint64_t told_poll, told_turn; /* that have triggered: when they began */
	struct encoder encoder;
};

/* What the outside wants, as noted at the start of a tick. */
struct drain_asked {
	uint32_t wake;
	uint32_t flush;
	uint32_t rotate;
	bool exiting;
	bool gone;
};

struct drain {
	struct shared *shared;
	_Atomic uint32_t *program_gone;
	struct drain_asked asked;
	uint32_t rotated;	       /* of rotate_asked */
	uint32_t ring_count, ring_max; /* that may have been used; that there are */
	uint64_t ring_records;	       /* that a ring's stretch of the file has room for */
	uint64_t step_bytes;
	uint64_t grow_bytes;
	bool keeps_memory; /* nothing can be given back to the kernel */
	uint64_t rings_offset;
	uint32_t ring_bytes;
	uint64_t rotate_ns;
	char self_path[SHARED_PATH_BYTES];

	uint64_t now_ns;
	uint64_t elapsed_ns;		     /* since the tick before */
	uint64_t sampled_ns;		     /* when samples were last taken ... */
	uint64_t surveyed_ns;		     /* ... and of what is read less often */
	uint64_t active_ns;		     /* when records were last seen */
	uint64_t flushed_ns;		     /* when everything was last written */
	uint64_t ended_recorded, ended_lost; /* of workers that are gone */
	bool will_sleep;		     /* `asleep` has been set for a whole tick */
	bool told_error;

	struct segment segment;
	struct sampler sampler;
	struct watchdog watchdog;
	struct profiler profiler;
	struct dumps dumps;
	struct triggers triggers;
	struct encoder_words words;
	struct drain_worker workers[SHARED_RINGS_MAX];
	struct {
		struct trace_block_header header;
		char payload[ENCODER_BLOCK_BYTES];
	} block;
};

#define DRAIN_TICK_MS 100

/* A callback is running: the worker neither waits nor is outside of every loop. */
static inline bool rings_worker_is_busy(const struct drain_worker *worker)
{
	return worker->worker != 0 && worker->encoder.open.count > 0 &&
	       !worker->encoder.open.parked;
}

static inline bool drain_is_over(const struct drain *drain)
{
	return drain->asked.gone || drain->asked.exiting;
}

/* A segment is open, or has now been begun; false while nothing can be written. */
bool rings_segment_ready(struct drain *drain);

/* Ends the open segment, if there is one. `reason` is an enum trace_seal_reason. */
void rings_seal(struct drain *drain, uint32_t reason);

/* Bytes for events that the open segment has left. */
uint64_t rings_space_left(const struct drain *drain);

/* The workers' entries: of those that changed since their last one, or of all. */
void rings_put_workers(struct drain *drain, bool all);

/* The records of ring `i`. */
struct record *rings_records(const struct drain *drain, uint32_t i);

/* Notes how many rings may have been used: drain->ring_count. */
void rings_count(struct drain *drain);

/* Notes whose ring `i` is and how far it is filled. */
void rings_note(struct drain *drain, uint32_t i);

/* Records that were noted and are not in a file. */
uint64_t rings_pending(const struct drain_worker *worker);

/* Writes them, or (not `all`) where there are enough for a block. */
void rings_take(struct drain *drain, bool all);

/* Records that ring `i` may hold as things are. */
uint64_t rings_size(const struct drain *drain, uint32_t i);

/* Gives back memory: of rings that are not used and, beyond what they need, of workers that do
 * little; of others what goes beyond their share of the budget when it is short. All of them, or
 * (not `all`) the latter only. */
void rings_tidy(struct drain *drain, bool all);

/* Whether there is nothing more to give back. */
bool rings_are_tidy(const struct drain *drain);

/* Goes on where another drain was killed. */
void rings_take_over(struct drain *drain);

/* Gives the rings of threads that are gone to others. */
void rings_free(struct drain *drain);

#endif
