/* SPDX-License-Identifier: Apache-2.0
 *
 * See drain.h. Each tick: note what is asked, note every ring's head, tell new sites, take the
 * records below the noted heads into blocks, free the rings of threads that ended, sample, tell
 * what changed, say what is done. Sites are looked for after the heads were read, so a block never
 * names a site that the file does not have. Rings are freed before samples are taken from
 * /proc: threads may be waiting for one.
 *
 * Rules: nothing in shared memory is trusted. Sizes and offsets are copied once. rings.c moves the
 * records.
 */
#include "drain.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "ring/clock.h"
#include "ring/futex.h"
#include "observe/maps.h"
#include "dumps.h"
#include "own_view.h"
#include "rings.h"
#include "samples.h"
#include "triggers.h"

#define SLOW_TICK_MS   1000 /* while a callback runs on and on */
#define SECOND_NS      1000000000ull
#define MILLISECOND_NS 1000000ull
#define NEVER	       -1

/* ---- Ticks ----------------------------------------------------------------------------------- */

static struct drain_asked asked_note(const struct drain *drain)
{
	struct shared *shared = drain->shared;
	/* Acquire, and `wake` first: whoever asked did so before adding to it, and heads are read
	 * after. */
	struct drain_asked asked = {.wake =
					atomic_load_explicit(&shared->wake, memory_order_acquire)};

	asked.gone = drain->program_gone &&
		     atomic_load_explicit(drain->program_gone, memory_order_acquire) != 0;
	asked.exiting = atomic_load_explicit(&shared->exiting, memory_order_acquire) != 0;
	asked.flush = atomic_load_explicit(&shared->flush_asked, memory_order_acquire);
	asked.rotate = atomic_load_explicit(&shared->rotate_asked, memory_order_acquire);
	return asked;
}

static bool rotation_is_due(const struct drain *drain)
{
	if (!drain->segment.writer.has_budget || !drain->segment.writer.has_events ||
	    drain_is_over(drain))
		return false;
	return drain->asked.rotate != drain->rotated ||
	       drain->now_ns - drain->segment.begun_ns >= drain->rotate_ns;
}

static bool flush_is_due(const struct drain *drain)
{
	return drain_is_over(drain) || drain->now_ns - drain->flushed_ns >= SECOND_NS ||
	       rotation_is_due(drain) || drain->dumps.due >= 0 ||
	       drain->asked.flush !=
		   atomic_load_explicit(&drain->shared->flush_done, memory_order_relaxed);
}

static void say_what_is_done(struct drain *drain)
{
	struct shared *shared = drain->shared;
	struct writer *writer = &drain->segment.writer;

	atomic_store_explicit(&shared->bytes_written, writer->bytes_written, memory_order_relaxed);
	atomic_store_explicit(&shared->segments_sealed, writer->sealed_segments,
			      memory_order_relaxed);
	atomic_store_explicit(&shared->evicted_segments, writer->evicted_segments,
			      memory_order_relaxed);
	if (writer->error ||
	    drain->asked.flush == atomic_load_explicit(&shared->flush_done, memory_order_relaxed))
		return;
	/* Release: pairs with the acquire of whoever waits for the flush. */
	atomic_store_explicit(&shared->flush_done, drain->asked.flush, memory_order_release);
	futex_wake(&shared->flush_done);
}

static void watch_ring(struct drain *drain, uint32_t i)
{
	const struct drain_worker *worker = &drain->workers[i];
	struct watchdog_ring ring = {
	    .index = i,
	    .worker = worker->worker,
	    .tid = worker->tid,
	    .role = worker->role,
	    .records = rings_records(drain, i),
	    .laps = worker->laps,
	    .head = worker->head,
	    .encoder = &worker->encoder,
	};

	if (worker->worker != 0 && worker->role != TRACE_ROLE_OTHER && !worker->has_ended)
		watchdog_see(&drain->watchdog, &ring);
}

/* Looks for callbacks that do not come back, when it is time to. */
static void watch(struct drain *drain)
{
	if (drain_is_over(drain) || !watchdog_begin(&drain->watchdog, drain->now_ns))
		return;
	if (watchdog_has_news(&drain->watchdog) && drain->segment.writer.is_open &&
	    rings_space_left(drain) < WATCHDOG_NEWS_BYTES_MAX)
		rings_seal(drain, TRACE_SEAL_ROTATED);
	rings_segment_ready(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++)
		watch_ring(drain, i);
}

/* What is written at most once a second: a clock pair, worker entries, samples. */
static void flush(struct drain *drain)
{
	bool news = drain->active_ns >= drain->flushed_ns;

	drain->flushed_ns = drain->now_ns;
	if (!news && drain->segment.samples.header.payload_bytes == 0)
		return;
	if (!rings_segment_ready(drain)) {
		drain->segment.samples.header.payload_bytes = 0;
		return;
	}
	segment_put_clock(&drain->segment, drain->now_ns);
	rings_put_workers(drain, false);
	entries_flush(&drain->segment, &drain->segment.samples, drain->now_ns);
}

static void tick(struct drain *drain)
{
	uint64_t now_ns = clock_mono_ns();
	bool flushes;

	drain->asked = asked_note(drain);
	drain->elapsed_ns = now_ns - drain->now_ns;
	drain->now_ns = now_ns;
	dumps_note(drain);
	flushes = flush_is_due(drain);
	if (drain_is_over(drain))
		drain->segment.writer.retry_ns = 0; /* the last chance */
	rings_count(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++)
		rings_note(drain, i);
	rings_segment_ready(drain);
	samples_begin(drain, true);
	segment_update_sites(&drain->segment, drain->now_ns);
	segment_update_names(&drain->segment, drain->now_ns);
	rings_take(drain, flushes);
	watch(drain);
	rings_free(drain);
	samples_begin(drain, false);
	samples_take_due(drain, flushes);
	rings_tidy(drain, flushes);
	if (flushes)
		flush(drain);
	if (rotation_is_due(drain)) {
		rings_seal(drain, TRACE_SEAL_ROTATED);
		drain->rotated = drain->asked.rotate;
	}
	triggers_look(drain);
	dumps_write_due(drain);
	say_what_is_done(drain);
}

/* ---- Sleep ----------------------------------------------------------------------------------- */

/* Nothing happens. */
static bool is_quiet(const struct drain *drain)
{
	return drain->now_ns - drain->active_ns >= SECOND_NS;
}

/* No callback runs, every event and sample of those that did is written, and memory that is not
 * used is given back. */
static bool is_idle(const struct drain *drain)
{
	if (!rings_are_tidy(drain) || drain->segment.samples.header.payload_bytes > 0)
		return false;
	for (uint32_t i = 0; i < drain->ring_count; i++)
		if (rings_worker_is_busy(&drain->workers[i]) ||
		    rings_pending(&drain->workers[i]) > 0)
			return false;
	return true;
}

/* After an exec of the program its helper is left over: no process has the ring mapped. */
static bool program_left(struct drain *drain)
{
	if (drain->shared->options.drain != SHARED_DRAIN_PROCESS)
		return false;
	return maps_has_path(drain->segment.header.pid, drain->self_path) == 0;
}

/* Where a ring would be half full, and wake the drain, long before the next tick, the drain comes
 * earlier, to find it a quarter full: the program must go on though the drain may have to wait for
 * a processor. */
static int busy_tick_ms(const struct drain *drain)
{
	uint64_t quarter_ns = UINT64_MAX;

	for (uint32_t i = 0; i < drain->ring_count; i++) {
		const struct drain_worker *worker = &drain->workers[i];
		uint64_t ns = UINT64_MAX;

		if (worker->worker != 0 && worker->grown != 0 && worker->grown <= UINT32_MAX)
			ns = drain->elapsed_ns / worker->grown * (rings_size(drain, i) / 4);
		quarter_ns = ns < quarter_ns ? ns : quarter_ns;
	}
	if (quarter_ns >= DRAIN_TICK_MS * MILLISECOND_NS / 4)
		return DRAIN_TICK_MS;
	return quarter_ns > MILLISECOND_NS ? (int)(quarter_ns / MILLISECOND_NS) : 1;
}

static int shorter_ms(int a, int b)
{
	return a == NEVER || (b != NEVER && b < a) ? b : a;
}

/* How long to sleep. Where nothing happens, only as long as a callback that runs on and on wants to
 * be looked at again; others may begin meanwhile, so `asleep` must have been seen by everybody: a
 * worker that unparks stores its record and then looks at `asleep`, without a fence; the tick
 * before is longer than any store stays unseen. */
static int sleep_ms(struct drain *drain)
{
	bool quiet = is_quiet(drain), will_sleep = drain->will_sleep;
	int watch_ms =
	    shorter_ms(watchdog_wait_ms(&drain->watchdog, drain->now_ns, quiet && will_sleep),
		       dumps_wait_ms(drain));

	if (quiet && will_sleep)
		return shorter_ms(is_idle(drain) ? NEVER : SLOW_TICK_MS, watch_ms);
	if (quiet != will_sleep)
		atomic_store(&drain->shared->asleep, quiet);
	drain->will_sleep = quiet;
	return shorter_ms(busy_tick_ms(drain), watch_ms);
}

static bool was_woken(const struct drain *drain)
{
	return atomic_load_explicit(&drain->shared->wake, memory_order_acquire) !=
	       drain->asked.wake;
}

/* Until somebody wakes the drain, at most this long; samples for the profile are taken meanwhile.
 */
static void drain_wait(struct drain *drain, int timeout_ms)
{
	uint64_t now_ns = clock_mono_ns(), next_ns;
	uint64_t end_ns = now_ns + (uint64_t)timeout_ms * MILLISECOND_NS;

	if (timeout_ms == NEVER || !profiler_is_on(&drain->profiler)) {
		futex_wait(&drain->shared->wake, drain->asked.wake, timeout_ms);
		return;
	}
	for (; now_ns < end_ns && !was_woken(drain); now_ns = clock_mono_ns()) {
		next_ns =
		    rings_segment_ready(drain) ? profiler_step(&drain->profiler, now_ns) : end_ns;
		next_ns = next_ns < end_ns ? next_ns : end_ns;
		futex_wait(&drain->shared->wake, drain->asked.wake,
			   next_ns > now_ns ? (int)((next_ns - now_ns) / MILLISECOND_NS) + 1 : 1);
	}
}

static void drain_sleep(struct drain *drain)
{
	int timeout_ms = sleep_ms(drain);

	if ((timeout_ms == NEVER || timeout_ms >= SLOW_TICK_MS) && program_left(drain)) {
		drain->asked.gone = true;
		return;
	}
	drain_wait(drain, timeout_ms);
	if (timeout_ms == NEVER) {
		drain->will_sleep = false;
		atomic_store(&drain->shared->asleep, 0);
	}
}

/* ---- The whole ------------------------------------------------------------------------------- */

/* When something was last recorded. */
static uint64_t last_tick(const struct drain *drain)
{
	const struct shared *shared = drain->shared;
	uint64_t last = shared->start.counter;

	for (uint32_t i = 0; i < drain->ring_count; i++) {
		uint32_t state =
		    atomic_load_explicit(&shared->rings[i].state, memory_order_acquire);
		uint64_t head = atomic_load_explicit(&shared->rings[i].head, memory_order_acquire);
		struct laps laps = laps_read(&shared->rings[i], drain->ring_records);
		uint64_t counter =
		    head > 0 ? laps_record(&laps, rings_records(drain, i), head - 1).counter : 0;

		if ((state == RING_LIVE || state == RING_ENDED) && counter > last)
			last = counter;
	}
	return last >> (shared->unit_shift & 63);
}

static int drain_init(struct drain *drain, struct shared *shared, _Atomic uint32_t *program_gone)
{
	bool is_gone;
	int error;

	drain->shared = shared;
	drain->program_gone = program_gone;
	drain->ring_max =
	    shared->ring_count < SHARED_RINGS_MAX ? shared->ring_count : SHARED_RINGS_MAX;
	drain->ring_bytes = shared->ring_bytes;
	drain->ring_records = drain->ring_bytes / sizeof(struct record);
	drain->step_bytes = shared->step_bytes;
	drain->rings_offset = shared->rings_offset;
	drain->rotate_ns = shared->options.rotate_seconds * SECOND_NS;
	drain->now_ns = drain->active_ns = drain->flushed_ns = drain->surveyed_ns = clock_mono_ns();
	memcpy(drain->self_path, shared->self_path,
	       sizeof(drain->self_path) - 1); /* the last byte stays 0 */
	atomic_store(&shared->asleep, 0);     /* a drain that was killed may have left it */
	rings_take_over(drain);
	encoder_words_init(&drain->words);
	is_gone = program_gone && atomic_load(program_gone);
	error = segment_init(&drain->segment, shared, is_gone ? 0 : shared->pid,
			     is_gone ? last_tick(drain) : 0);
	sampler_init(&drain->sampler, &drain->segment);
	watchdog_init(&drain->watchdog, shared, &drain->segment);
	profiler_init(&drain->profiler, shared, &drain->segment);
	dumps_init(drain);
	return error;
}

static void say_state(struct shared *shared, enum drain_state state)
{
	/* Release: pairs with the acquire of the program, which waits for it when it exits. */
	atomic_store_explicit(&shared->drain_state, state, memory_order_release);
	futex_wake(&shared->drain_state);
}

static bool has_news(struct drain *drain)
{
	rings_count(drain);
	for (uint32_t i = 0; i < drain->ring_count; i++) {
		uint32_t known = drain->workers[i].worker;

		rings_note(drain, i);
		if (rings_pending(&drain->workers[i]) > 0 || drain->workers[i].worker != known)
			return true;
	}
	return false;
}

/* The program has been told that everything is in sealed files, and its exit goes on: destructors
 * and other threads may still run callbacks. Those go behind the seal, before another. */
static void drain_rest(struct drain *drain)
{
	while (!atomic_load_explicit(drain->program_gone, memory_order_acquire)) {
		uint32_t wake = atomic_load_explicit(&drain->shared->wake, memory_order_acquire);

		/* The watcher sets program_gone before it adds to `wake`. */
		if (!atomic_load_explicit(drain->program_gone, memory_order_acquire))
			futex_wait(&drain->shared->wake, wake, NEVER);
	}
	if (!has_news(drain))
		return;
	tick(drain);
	rings_seal(drain, TRACE_SEAL_EXIT);
}

/* How the program ended, if it was not by exit(). */
static void exit_put(struct drain *drain)
{
	uint32_t gone = drain->program_gone ? atomic_load(drain->program_gone) : 0;

	if (!drain->asked.exiting && gone & PROGRAM_GONE_STATUS && drain->segment.writer.is_open)
		sampler_sample_exit(&drain->sampler, (int)(gone >> PROGRAM_GONE_SHIFT),
				    drain->now_ns);
}

static void finish(struct drain *drain)
{
	exit_put(drain);
	rings_seal(drain, drain->asked.exiting ? TRACE_SEAL_EXIT : TRACE_SEAL_DIED);
	dumps_finish(drain);
	say_what_is_done(drain);
	if (drain->asked.exiting && !drain->asked.gone &&
	    drain->shared->options.drain == SHARED_DRAIN_PROCESS) {
		say_state(drain->shared, DRAIN_DONE);
		drain_rest(drain);
	}
	if (dumps_end(drain))
		own_view_unlink(drain->self_path);
	say_state(drain->shared, DRAIN_DONE);
}

/* The program waits for this before its first loop goes on. What dies with the program has written
 * its first segment by then; a helper process needs no more than what it has read by now. */
static void say_running(struct drain *drain)
{
	if (drain->shared->options.drain == SHARED_DRAIN_THREAD)
		tick(drain);
	say_state(drain->shared, DRAIN_RUNNING);
}

int drain_run(struct shared *shared, _Atomic uint32_t *program_gone)
{
	struct drain *drain =
	    mmap(NULL, sizeof(*drain), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool own_view;
	int error;

	if (drain == MAP_FAILED)
		return -errno;
	own_view = own_view_take(shared);
	say_state(shared, DRAIN_STARTING);
	error = drain_init(drain, shared, program_gone);
	drain->segment.writer.reopens = !own_view;
	say_running(drain);
	for (tick(drain); !drain_is_over(drain); tick(drain)) {
		drain_sleep(drain);
		if (drain_is_over(drain))
			break;
	}
	finish(drain);
	error = error ? error : drain->segment.writer.error;
	error = error ? error : drain->dumps.error;
	munmap(drain, sizeof(*drain));
	return error;
}
