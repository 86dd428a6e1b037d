/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between the traced program, its drain (uvtrace-drain or a thread of the program),
 * trace_ctl, and the analyzer after a crash. It is one file in /dev/shm that all of them map. It
 * describes itself and holds everything that the drain needs; only the drain reads the program
 * itself.
 *
 * Rules: SHARED_VERSION goes up with every change of layout. Both sides are always built together,
 * so another version is refused. Whoever maps it from outside checks magic, version, sizes and
 * every index before use: nothing here is trusted. Each field says who writes it. The rings' own
 * protocol is in thread.h.
 */
#ifndef SHARED_H
#define SHARED_H

#include <stdatomic.h>
#include <stdint.h>

#include "format/trace_format.h"

#define SHARED_MAGIC	    "uvtring\n"
#define SHARED_VERSION	    7
#define SHARED_DIR	    "/dev/shm"
#define SHARED_PREFIX	    "uvtrace." /* + PID.RANDOM */
#define SHARED_PATH_BYTES   4096
#define SHARED_LOADED_BYTES 32768
#define SHARED_SWITCHES_MAX 64	/* between two looks of the drain, which is woken for each */
#define SHARED_RINGS_MAX    256 /* worker threads recorded at once */
#define SHARED_ENDED_RINGS  16	/* of threads that ended, for which the drain is woken */
#define SHARED_STEPS_MAX    64	/* of memory, in a ring: one bit each (steps.h) */
#define SHARED_OPEN_MAX	    8	/* of what is open at the tail; deeper ones are only counted */
#define SHARED_DUMPS_MAX    8	/* asked for at once */

/* One event as the hooks write it: 16 bytes, meaning in trace_format.h. */
struct record {
	uint64_t counter; /* not shifted */
	uint64_t word;
};
_Static_assert(sizeof(struct record) == 16, "record");

enum ring_state {
	RING_FREE,     /* free; drain -> program */
	RING_CLAIMED,  /* a thread fills in the identity */
	RING_LIVE,     /* recording; program -> drain */
	RING_ENDED,    /* the thread is gone; when tail == head the drain writes the worker's last
			  entry and frees it */
	RING_EMPTYING, /* free, and the drain gives its memory back */
};

enum ring_lost { RING_LOST_FULL, RING_LOST_REENTRANT, RING_LOST_DEPTH, RING_LOST_CAUSES };

/* What is open at a tail, for a drain that takes over from another. */
struct shared_open {
	uint64_t index; /* the tail; of two, the one counts whose index is the ring's */
	uint64_t tick;	/* of the record before it */
	uint32_t count; /* open, outermost first; the entries of those beyond SHARED_OPEN_MAX are
			   not kept */
	uint32_t reserved;
	struct trace_context open[SHARED_OPEN_MAX];
};

/* One for each ring; the records themselves lie at rings_offset + index * ring_bytes, in laps
 * (laps.h). */
struct shared_ring {
	/* Written by the thread that records. */
	_Atomic uint64_t head
	    __attribute__((aligned(64))); /* records ever committed by this worker */
	_Atomic uint64_t
	    lost[RING_LOST_CAUSES];   /* events dropped; LOST events repeat it where it happened */
	_Atomic uint64_t active_reqs; /* of the loop, when it last began to wait */
	_Atomic uint64_t active_handles;
	_Atomic uint64_t ready;	  /* fds, of the last wait */
	_Atomic uint32_t enabled; /* as below, where the hooks look; by shared_ring_enable */

	/* Written by the drain. */
	_Atomic uint64_t tail __attribute__((aligned(64))); /* records that are safe in a file */
	struct shared_open open[2]; /* at this tail and, while the next is written, at that */

	/* Where the records lie, see laps.h and steps.h. Written by the thread; `backed` and
	 * memory_lock by the drain too. */
	_Atomic uint64_t lap_start[2]
	    __attribute__((aligned(64))); /* first record of the last two laps */
	_Atomic uint64_t
	    size; /* records that the ring may hold as things are; 0: all that fit in ring_bytes */
	_Atomic uint64_t reach; /* position in the lap up to which the thread goes without a look */
	_Atomic uint64_t backed;      /* steps whose memory is there, one bit each */
	_Atomic uint32_t memory_lock; /* enum steps_owner */

	/* Written by the thread between CLAIMED and LIVE, the last two later; `state` also by the
	 * drain, which frees the ring. */
	_Atomic uint32_t state __attribute__((aligned(64))); /* enum ring_state */
	uint32_t worker; /* from 1, never used twice in a process */
	uint32_t tid;
	uint32_t role; /* enum trace_role */
	uint64_t start_counter;
	uint64_t start_cpu_ns;	      /* CPU time that the thread had used before */
	char name[16];		      /* of the thread; terminated */
	_Atomic uint64_t end_counter; /* set before RING_ENDED */
	_Atomic uint64_t end_cpu_ns;

	/* Written by the thread: the pool's queue is the sum over all rings, ended ones go into
	 * shared.pool_*. */
	_Atomic uint64_t pool_submitted __attribute__((aligned(64)));
	_Atomic uint64_t pool_cancelled;
	_Atomic uint64_t pool_finished;
	_Atomic uint32_t pool_parked; /* pool worker: 1 while it waits */
};

struct shared_site {
	_Atomic uint32_t ready; /* 1 when the rest is there */
	uint32_t kind;
	uint64_t callback;
	uint64_t caller;
};

/* What a mark, a span or a field is called; terminated, cut off if longer. */
struct shared_name {
	_Atomic uint32_t ready; /* 1 when the text is there; never for one that lost a race */
	char text[60];
};
_Static_assert(sizeof(struct shared_name) == 64, "name");

/* One change of the switch. */
struct shared_switch {
	_Atomic uint32_t ready; /* its number + 1 when the rest is there */
	uint32_t on;
	uint64_t counter;
};

/* A dump of the flight recorder that somebody asks for; dump_request.h. */
enum dump_state {
	DUMP_FREE,
	DUMP_FILLING, /* by who asks */
	DUMP_ASKED,
	DUMP_WRITING, /* by the drain */
	DUMP_DONE,    /* for who asked, if it waits */
};

struct shared_dump {
	_Atomic uint32_t state; /* enum dump_state; futex */
	/* Written by who asks. */
	uint32_t waits; /* it takes the answer; else the drain frees the place */
	uint32_t cause; /* enum trace_dump_cause */
	char reason[TRACE_DUMP_REASON_BYTES]; /* terminated */
	uint64_t asked_ns;		      /* CLOCK_MONOTONIC */
	uint64_t last_ns, next_ns; /* before and after; `last` UINT64_MAX: all there is */
	/* Written by the drain: the answer. */
	int32_t error;	 /* -errno or -reason */
	uint32_t number; /* of the dump's directory */
	uint64_t done_ns;
	uint64_t requested_from_ns, requested_to_ns, covered_from_ns, covered_to_ns;
};

enum shared_writer {
	SHARED_WRITER_ROTATING,
	SHARED_WRITER_SINGLE,
	SHARED_WRITER_NULL,
	SHARED_WRITER_RECORDER, /* segments stay in memory until somebody asks for them */
};
/* UVTRACE_TRIGGER: the recorder dumps by itself. The value of each: nanoseconds beyond which it
 * does, 1, or the signal's number; 0: it does not. */
enum shared_trigger {
	SHARED_TRIGGER_STALL,	   /* a callback of a loop has run for longer */
	SHARED_TRIGGER_POOL_WAIT,  /* an item has waited for a thread of the pool for longer */
	SHARED_TRIGGER_LOOP_DELAY, /* a loop has not come back to its wait for longer */
	SHARED_TRIGGER_EXIT,	   /* the program ended with another status than 0 */
	SHARED_TRIGGER_SIGNAL,
	SHARED_TRIGGERS
};
enum shared_log { SHARED_LOG_QUIET, SHARED_LOG_WARN, SHARED_LOG_INFO };
enum shared_drain {
	SHARED_DRAIN_PROCESS,
	SHARED_DRAIN_THREAD,
	SHARED_DRAIN_EXIT, /* nobody, until the program exits: it does it then, by itself */
};

/* The options, as the program resolved them; written before the drain begins. */
struct shared_options {
	char path[SHARED_PATH_BYTES]; /* absolute: directory/name.bin, to which .PID.N is added
					 before .bin */
	uint32_t writer;	      /* enum shared_writer */
	uint32_t drain;		      /* enum shared_drain */
	uint32_t log;		      /* enum shared_log */
	uint32_t rotate_seconds;
	uint32_t pending_seconds; /* for readers alone */
	uint32_t stall_ms;	  /* 0: no watchdog */
	uint32_t sample_hz;	  /* 0: no profile */
	uint32_t dumps_max;
	uint64_t file_size_bytes;
	uint64_t total_size_bytes;
	uint64_t recorder_bytes; /* memory for segments, of SHARED_WRITER_RECORDER */
	uint64_t triggers[SHARED_TRIGGERS];
	uint64_t trigger_every_ns;
};

enum shared_unseen {
	/* Ends of the pool's items: libuv's calls of its own functions do not come here. */
	SHARED_UNSEEN_POOL_ITEMS = 1,
};

enum drain_state {
	DRAIN_NONE,	/* nobody drains (yet) */
	DRAIN_STARTING, /* root, directory and descriptors are its own now */
	DRAIN_RUNNING,
	DRAIN_DONE, /* everything is in sealed files */
};

struct shared {
	/* Identity: written by the program once, before anybody else can see the file. */
	char magic[8];
	uint32_t version;
	uint32_t header_bytes; /* sizeof(struct shared) */
	uint64_t total_bytes;  /* of the file */
	uint64_t rings_offset;
	uint32_t ring_bytes; /* a power of two: of the file, for each ring; memory is there for a
				part of it */
	uint32_t ring_count; /* <= SHARED_RINGS_MAX */
	uint32_t step_bytes; /* a power of two <= ring_bytes; the first step of each ring is always
				to be had ... */
	uint32_t reserved2;
	uint64_t held_bytes; /* of the budget, until what dead programs left has been removed; added
				by the helper */
	uint32_t pid;
	uint32_t clock; /* enum trace_clock */
	uint32_t unit_shift;
	uint32_t tier; /* enum trace_tier */
	uint8_t process_id[16];
	uint8_t boot_id[16];
	struct trace_clock_pair start; /* when recording began */
	uint32_t libuv_version;	       /* uv_version(): 0x00MMmmpp */
	uint32_t unseen;	       /* bits of enum shared_unseen */
	char libuv_path[256];
	char libuv_how[160];   /* how the calls of a libuv in the executable are seen; or empty */
	char libuv_note[2048]; /* what of its calls is not seen, and why; or empty */
	char self_path[SHARED_PATH_BYTES]; /* of this file */
	struct shared_options options;
	/* Where each ring's thread keeps its open polls, in the program's own memory: a uint32_t
	 * count, and pairs of uint64_t (stack pointer of the function that called the callback,
	 * event word), outermost first. For the watchdog, which reads them from outside; 0: not
	 * known. */
	uint64_t threads;	  /* address of the first ring's; written before the drain begins */
	uint32_t thread_bytes;	  /* from one to the next */
	uint32_t thread_depth_at; /* offset of the count ... */
	uint32_t thread_frames_at; /* ... and of the pairs */
	uint32_t reserved1;
	uint16_t work_req_offset[KIND_COUNT];
	char cmdline[1024]; /* as in /proc/PID/cmdline, cut off if longer */
	uint32_t cmdline_bytes;
	uint32_t loaded_bytes; /* of `loaded` */
	char loaded[SHARED_LOADED_BYTES]
	    __attribute__((aligned(8))); /* struct trace_module_entry, the executable
					  * first: for when /proc/PID is gone too soon */

	/* Switches: written by anybody who may (the app, trace_ctl). */
	_Atomic uint32_t enabled __attribute__((
	    aligned(64)));	 /* 1: hooks record; each ring has a copy beside its head */
	_Atomic uint32_t asleep; /* the drain sleeps without a time-out: whoever unparks must wake
				    it; written by the drain */

	/* ... and the others as long as this lasts, for all rings together. */
	_Atomic uint64_t grow_bytes __attribute__((aligned(64))); /* at most */
	_Atomic uint64_t grown_bytes; /* taken; by whoever takes or gives back */
	_Atomic uint32_t share_steps; /* that one ring should have at most; by the drain */
	_Atomic uint32_t ended_rings; /* that wait for the drain to free them; added to by the
					 threads that end */
	_Atomic uint32_t freed_rings; /* futex: ticks of the drain that freed some; by the drain */

	_Atomic uint32_t wake __attribute__((
	    aligned(64))); /* futex the drain sleeps on: add 1 and FUTEX_WAKE to wake it */
	_Atomic uint32_t
	    flush_asked; /* add 1, wake; done when flush_done has reached your number (futex) */
	_Atomic uint32_t flush_done;
	_Atomic uint32_t
	    rotate_asked; /* add 1, wake: the drain seals the segment and begins another */
	_Atomic uint32_t
	    exiting; /* program -> drain: last events are in, drain, seal, say DRAIN_DONE */
	_Atomic uint32_t drain_state; /* futex; enum drain_state; written by the drain */
	_Atomic uint32_t drain_pid;   /* of the helper; 0 in thread mode; written by the drain */
	_Atomic uint32_t drain_life;  /* robust futex: the helper's thread id; the kernel adds
					 FUTEX_OWNER_DIED when it dies */
	_Atomic uint64_t switched_counter; /* clock when enabled last changed; written with it */
	_Atomic uint32_t
	    switches; /* how often it changed; the newest of them stand in `switched`, by number */
	_Atomic uint32_t switches_written; /* of those, in the trace; by the drain */
	struct shared_switch switched[SHARED_SWITCHES_MAX];

	/* Counters of the program. */
	_Atomic uint32_t next_worker
	    __attribute__((aligned(64))); /* workers ever made; the next one's number is this + 1 */
	_Atomic uint32_t site_count; /* sites[0..site_count) are taken, each readable once ready */
	_Atomic uint32_t sites_backed; /* sites whose memory is there, from the first on (steps.h);
					  not below site_count */
	_Atomic uint64_t untraced_callbacks; /* callbacks passed through because no site was left */
	_Atomic uint64_t
	    untraced_threads; /* threads that found no free ring, or no memory for one */
	_Atomic uint64_t
	    untraced_events; /* on those threads, and wake-ups that came before the first loop */
	_Atomic uint64_t untraced_marks; /* marks, spans and fields for which no name was left, or
					    that came too early */
	_Atomic uint32_t name_count; /* names[0..name_count) are taken, each readable once ready */
	_Atomic uint64_t
	    pool_submitted; /* of workers whose ring was freed; added to by the drain */
	_Atomic uint64_t pool_cancelled;
	_Atomic uint64_t pool_finished;

	/* What the drain wants the user to know; the program prints it when it ends. Written by the
	 * drain. */
	_Atomic uint32_t message_ready __attribute__((aligned(64)));
	char message[252];
	_Atomic uint64_t bytes_written; /* to files, for trace_ctl status */
	_Atomic uint64_t segments_sealed;
	_Atomic uint64_t evicted_segments;

	/* Flight recorder. */
	_Atomic uint64_t dumps_written;	   /* by the drain, as the next */
	_Atomic uint32_t dump_number;	   /* of the last one's directory */
	_Atomic uint64_t triggered_ns;	   /* when a trigger last asked for a dump; 0: never */
	_Atomic uint64_t dumps_suppressed; /* that triggers asked for too soon after another */
	struct shared_dump dumps[SHARED_DUMPS_MAX];

	struct shared_ring rings[SHARED_RINGS_MAX];
	struct shared_name names[TRACE_NAMES_MAX];
	/* Last, as most programs have few: only the first have memory from the beginning. */
	struct shared_site sites[TRACE_SITES_MAX];
};

static inline struct record *shared_ring_records(struct shared *shared, uint32_t ring)
{
	return (struct record *)((char *)shared + shared->rings_offset +
				 (uint64_t)ring * shared->ring_bytes);
}

/* The address of what struct shared says of `threads`, in the program; 0: not known. */
static inline uint64_t shared_ring_frames(const struct shared *shared, uint32_t ring)
{
	return shared->threads ? shared->threads + (uint64_t)shared->thread_bytes * ring : 0;
}

/* Notes a change of the switch for the drain. */
static inline void shared_note_switch(struct shared *shared, uint32_t on, uint64_t counter)
{
	uint32_t number = atomic_fetch_add(&shared->switches, 1);
	struct shared_switch *change = &shared->switched[number % SHARED_SWITCHES_MAX];

	change->on = on;
	change->counter = counter;
	atomic_store_explicit(
	    &change->ready, number + 1,
	    memory_order_release); /* pairs with the acquire in switch_is_ready() */
}

/* Brings a ring's copy of the switch up to date, until it agrees: who switches and who takes a ring
 * may meet here. */
static inline void shared_ring_enable(struct shared *shared, struct shared_ring *ring)
{
	uint32_t on;

	do {
		on = atomic_load(&shared->enabled);
		atomic_store(&ring->enabled, on);
	} while (on != atomic_load(&shared->enabled));
}

#endif
