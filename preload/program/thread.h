/* SPDX-License-Identifier: Apache-2.0
 *
 * What each recording thread knows (struct thread), and emission: the only way into a ring.
 *
 * The ring: one producer (the thread), one consumer (the drain). `head` counts records ever
 * committed, `tail` those that are safe in a file; both only grow. The producer keeps its own copy
 * of head, and a `limit` up to which it may go without looking: half the ring further on the drain
 * is woken, and HEADROOM records before the end of the memory, or of what is drained, nothing
 * begins any more. The ring is written in laps (laps.h), its memory taken step by step (steps.h):
 * all of it at once would add most of a millisecond to the start of each worker. What to do at a
 * limit is in thread_capacity.c. What has begun (a poll, a wait, a loop) may always write its end:
 * the headroom is larger than all that can be open.
 *
 * Rules: no lock, no allocation, no system call but the wake-up in thread_make_room. A signal
 * handler may interrupt an emission and call uv_async_send: `busy` tells it, and it counts its
 * event as lost. After a fork these structs are all zero, so head == limit and the slow path finds
 * out.
 */
#ifndef THREAD_H
#define THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/clock.h"
#include "ring/shared.h"

#define THREAD_HEADROOM                                                                            \
	160 /* records: TRACE_DEPTH_MAX ends, one unpark, the LOST events, some to spare */

struct thread_frame {
	uintptr_t sp;  /* of the dispatch or uv_run that opened it: what lies below the current one
			  has been left */
	uint64_t word; /* its start */
};

struct libuv_copy; /* libuv_copy.h */

/* A call into libuv and what it comes to, see call_cache.h. */
struct call {
	const void *caller; /* NULL: nothing is remembered here */
	const void *callback;
	void *thunk;		       /* what to give libuv in its place */
	void *real;		       /* NULL: this libuv has no such function */
	const struct libuv_copy *copy; /* in which it lies */
	uint32_t key;		       /* CALL_KEY */
	uint32_t code;	      /* of the submission, or of a handle made or started; 0: there
			       * is none to record */
	uint64_t reserved[2]; /* up to a cache line */
};
_Static_assert(sizeof(struct call) == 64, "a cache line");

#define THREAD_CALLS 16 /* remembered, a power of two */

/* What an event touches comes first: the first cache line, and of the second the outermost frames.
 * A server at full load has evicted nearly all of it when the next event comes, so lines are what
 * an event costs beside the clock. */
struct thread {
	uint64_t head;
	uint64_t limit;
	uintptr_t base; /* record n is written at base + n * sizeof(struct record) */
	struct record *records;
	struct shared_ring *ring;
	uint64_t last_counter; /* of the newest event: good enough for what needs no exact time */
	uint32_t depth;	       /* frames open */
	uint32_t clock;	       /* enum trace_clock */
	uint32_t role;
	volatile uint8_t busy; /* an emission is under way */
	bool submitting;  /* inside a hook that submits a request: libuv may call another one */
	bool timer_again; /* inside uv_timer_again, which calls uv_timer_start */
	bool lost_open;	  /* LOST_FULL has to be written as soon as there is room */

	struct thread_frame frames[TRACE_DEPTH_MAX];
	struct call calls[THREAD_CALLS]; /* at a cache line: TRACE_DEPTH_MAX is a multiple of 4 */

	struct shared *shared;
	void *loop;	       /* uv_loop_t of the innermost uv_run */
	const void *due_told;  /* timer whose due time was written just now, before its callback */
	uint64_t wait_counter; /* when the loop's last wait ended */
	uint64_t
	    lost_counter;   /* when the events that the next LOST_FULL counts began to be dropped */
	uint64_t lost_told; /* of ring->lost[RING_LOST_FULL], already written as LOST_FULL */
	uint64_t woken_tail; /* tail when the drain was last woken: once for each */

	/* The ring's memory, in records; see thread_capacity.c. */
	uint64_t capacity; /* that fit into the ring's stretch of the file */
	uint64_t step;	   /* that one step holds */
	uint64_t start;	   /* the first one of this lap ... */
	uint64_t before;   /* ... and of the lap before */
	uint64_t
	    reach;     /* position in the lap up to which there is memory to go to without a look */
	uint64_t tail; /* as last seen */
	uint64_t refused_tail; /* tail when no more memory was to be had: asked for again when it
				  has moved */
	uint64_t full_tail;    /* tail and head when there was no room: looked for again when either
				  has moved */
	uint64_t full_head;
	uint32_t lap; /* of lap_start[] */

	/* The ring that many threads share alone. */
	uint64_t mask;
	uint64_t populated; /* records whose memory is there for sure; grows up to mask + 1 in the
			       first lap */
} __attribute__((aligned(64)));
_Static_assert(offsetof(struct thread, frames) == 64, "a cache line");
_Static_assert(offsetof(struct thread, calls) % 64 == 0, "a cache line");

extern __thread struct thread
    *thread_current; /* never NULL: thread_none until the thread records */
extern struct thread thread_none;
extern __thread void *thread_loop; /* uv_loop_t of the innermost uv_run: a forked child goes on in
				      it, with a new struct */

/* Gives this thread a ring and makes it a worker, starting the recorder if need be. Returns
 * thread_current, thread_none if that is impossible. Slow; errno is kept. */
struct thread *thread_register(enum trace_role role);

/* The slow path of emission: `thread` has come to its limit. Returns the thread (perhaps another:
 * it may have registered only now) when `events` records may be written, else NULL after counting
 * them as lost. errno is kept. */
struct thread *thread_make_room(struct thread *thread, uint32_t events, enum trace_role role);

/* The memory of a ring that was just claimed: its first step. 0 or -errno. */
int thread_capacity_begin(struct thread *thread, uint32_t index);

/* Sets the limit anew, after the drain has come to `tail`. False: not one record may begin. */
bool thread_capacity_find(struct thread *thread, uint64_t tail);

/* The head at which the ring is half full, and the drain is woken. */
uint64_t thread_wake_at(const struct thread *thread);

/* Gives the calling code a ring of its own; NULL: none is free, or no memory for it. */
struct thread *thread_attach_ring(struct shared *shared, enum trace_role role);

/* Ends the frames above `depth`, whose functions were left without a return. */
void thread_unwind(struct thread *thread, uint32_t depth);

/* Adds to a counter that this thread alone writes: a load and a store are enough. */
static inline void thread_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Counts lost events that have a cause other than a full ring. */
void thread_count_lost(struct thread *thread, enum ring_lost cause, uint32_t events);

/* Some events of a thread that is no worker, at one time and one behind the other, into the ring
 * that all of those share: see thread_others.c. May be called in a signal handler, also in one that
 * interrupted this function. errno is kept. */
void thread_foreign_emit(const uint64_t *words, uint32_t count);

static inline uintptr_t thread_sp(void)
{
	uintptr_t sp;

#if defined(__x86_64__)
	__asm__ volatile("movq %%rsp, %0" : "=r"(sp));
#else
	__asm__ volatile("mov %0, sp" : "=r"(sp));
#endif
	return sp;
}

static inline bool thread_enabled(const struct thread *thread)
{
	return __builtin_expect(atomic_load_explicit(&thread->ring->enabled, memory_order_relaxed),
				1);
}

static inline uint32_t thread_call_slot(const void *caller, uint32_t key)
{
	return (((uintptr_t)caller + key) * 0x9e3779b97f4a7c15ull >> 32) % THREAD_CALLS;
}

static inline struct record *thread_record(const struct thread *thread, uint64_t n)
{
	return (struct record *)(thread->base + n * sizeof(struct record));
}

/* Commits one record. The caller knows that there is room and that nothing is `busy`. */
static inline void thread_put(struct thread *thread, uint64_t counter, uint64_t word)
{
	struct record *record;

	thread->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	record = thread_record(thread, thread->head); /* a handler before `busy` moved the head */
	record->counter = counter;
	record->word = word;
	thread->last_counter = counter;
	thread->head++;
	/* Release: pairs with the acquire in rings_note(): the records below head are read after
	 * it. */
	atomic_store_explicit(&thread->ring->head, thread->head, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	thread->busy = 0;
}

/* Commits some records of one time together: all of them are in the ring, or none. */
static inline void thread_put_all(struct thread *thread, uint64_t counter, const uint64_t *words,
				  uint32_t count)
{
	thread->busy = 1;
	atomic_signal_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < count; i++)
		*thread_record(thread, thread->head + i) = (struct record){counter, words[i]};
	thread->last_counter = counter;
	thread->head += count;
	/* Release: as in thread_put(). */
	atomic_store_explicit(&thread->ring->head, thread->head, memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	thread->busy = 0;
}

/* Frames at or below this stack pointer belong to functions that are gone. */
static inline void thread_heal(struct thread *thread, uintptr_t sp)
{
	while (__builtin_expect(thread->depth && thread->frames[thread->depth - 1].sp <= sp, 0))
		thread_unwind(thread, thread->depth - 1);
}

/* Room for `events`, recording switched on? NULL: emit nothing. */
static inline struct thread *thread_reserve(uint32_t events, enum trace_role role)
{
	struct thread *thread = thread_current;

	if (__builtin_expect(thread->head >= thread->limit, 0)) {
		thread = thread_make_room(thread, events, role);
		if (!thread)
			return NULL;
	}
	return thread_enabled(thread) ? thread : NULL;
}

/* Opens a frame that is known to have a place. */
static inline void thread_open(struct thread *thread, uintptr_t sp, uint64_t counter, uint64_t word)
{
	thread->frames[thread->depth++] = (struct thread_frame){sp, word};
	thread_put(thread, counter, word);
}

/* Opens a frame and emits its start. Returns the depth to give to thread_pop, or -1: nothing was
 * recorded. */
static inline int thread_push(struct thread *thread, uintptr_t sp, uint64_t counter, uint64_t word)
{
	uint32_t depth;

	thread_heal(thread, sp);
	depth = thread->depth;
	if (__builtin_expect(depth >= TRACE_DEPTH_MAX, 0)) {
		thread_count_lost(thread, RING_LOST_DEPTH, 2);
		thread_put(thread, counter, trace_word(2, TRACE_LOST_DEPTH));
		return -1;
	}
	thread_open(thread, sp, counter, word);
	return depth;
}

/* Ends the frame of thread_push. Where frames above it were left behind, ends those first; where it
 * was itself taken for gone (a program that switches stacks), it has been ended already. */
static inline void thread_pop(struct thread *thread, uint32_t depth, uint64_t word)
{
	if (__builtin_expect(thread->depth != depth + 1, 0)) {
		if (thread->depth <= depth)
			return;
		thread_unwind(thread, depth + 1);
	}
	thread->depth = depth;
	thread_put(thread, clock_read(thread->clock), word);
}

#endif
