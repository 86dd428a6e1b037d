/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog.h. A round finds out what each thread is in, from the newest records of its ring. A
 * poll that is seen for the first time gets the time at which it will be too long, and the drain is
 * woken just then; since rounds are no further apart than the threshold, none is missed that runs
 * for longer.
 */
#include "watchdog.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "ring/clock.h"
#include "ring/current_callback.h"
#include "watchdog_internal.h"

#define MILLISECOND_NS 1000000ull
#define SECOND_NS      1000000000ull
#define SCAN_MAX       4096 /* newest records that are gone through for what is open */
#define NEW_PART       25 /* a poll has only just begun until this part of the threshold is over */
#define MANY_EVENTS    1000 /* between two rounds */
#define WAIT_EVENTS    200  /* between two rounds: a loop that does more hardly waits */

/* ---- What the threads are in ---------------------------------------------------------------- */

static struct record current_callback_of(const struct watchdog_ring *ring)
{
	uint64_t pending = ring->head - ring->encoder->index;
	struct trace_context before;
	uint32_t ended;
	struct record doing =
	    current_callback_find(ring->records, &ring->laps, ring->head,
				  pending < SCAN_MAX ? pending : SCAN_MAX, &ended);

	if (doing.word || pending > SCAN_MAX || !open_before(&ring->encoder->open, ended, &before))
		return doing;
	return (struct record){before.tick << ring->encoder->unit_shift, before.word};
}

/* When the newest event was: what is no poll began then. */
static uint64_t newest_counter(const struct watchdog_ring *ring)
{
	if (ring->head > ring->encoder->index)
		return laps_record(&ring->laps, ring->records, ring->head - 1).counter;
	return ring->encoder->tick << ring->encoder->unit_shift;
}

/* What is open by all records; false: there are too many that are not encoded yet. */
static bool open_now(const struct watchdog_ring *ring, struct open_stack *open)
{
	const struct encoder *encoder = ring->encoder;

	if (ring->head - encoder->index > SCAN_MAX)
		return false;
	*open = encoder->open;
	for (uint64_t i = encoder->index; i < ring->head; i++) {
		struct record record = laps_record(&ring->laps, ring->records, i);

		if (record.word == 0) /* gone */
			return false;
		open_apply(open, record.word, record.counter >> encoder->unit_shift);
	}
	return open->beyond == 0;
}

/* The outermost callback, as a record, where the loop that called it stands still: it runs another
 * one. */
static struct record holding_callback(const struct open_stack *open)
{
	const struct trace_context *callback = NULL;
	uint64_t around = 0;

	for (uint32_t i = 0; i < open->count; i++) {
		const struct trace_context *at = &open->list[i];

		if (!callback && trace_word_is_poll(at->word))
			callback = at;
		else if (!callback)
			around = trace_word_object(at->word);
		else if (!trace_word_is_poll(at->word))
			return trace_word_object(at->word) == around
				   ? (struct record){0}
				   : (struct record){callback->tick, callback->word};
	}
	return (struct record){0};
}

/* The callback that waits in a loop of its own, of a thread that waits; counter 0: none, as between
 * callbacks. Of a server, which waits often but shortly, no records are gone through. */
static struct record poll_that_waits(const struct watchdog *watchdog,
				     const struct watchdog_ring *ring)
{
	struct open_stack open;
	struct record callback;

	if (ring->role != TRACE_ROLE_LOOP ||
	    ring->head - watchdog->polls[ring->index].head >= WAIT_EVENTS ||
	    (ring->head == ring->encoder->index && ring->encoder->open.polls == 0) ||
	    !open_now(ring, &open))
		return (struct record){0};
	callback = holding_callback(&open);
	callback.counter <<= ring->encoder->unit_shift;
	return callback;
}

/* The poll that is open, as a record; counter 0: there is none to be watched. Of the pool
 * everything but a wait counts, of loops whose callbacks cannot be seen each iteration; both have
 * no word. `waits`: in a loop of its own. */
static struct record poll_open(const struct watchdog *watchdog, const struct watchdog_ring *ring,
			       bool *waits)
{
	struct record doing = current_callback_of(ring);
	uint32_t code = trace_word_code(doing.word);

	*waits = code == TRACE_PARK;
	if (trace_word_is_poll(doing.word))
		return doing;
	if (ring->head == 0)
		return (struct record){0};
	if (*waits)
		return poll_that_waits(watchdog, ring);
	if (ring->role == TRACE_ROLE_POOL || (watchdog->shared->tier == TRACE_TIER_LIBC &&
					      (code == TRACE_UNPARK || code == TRACE_TURN)))
		return (struct record){newest_counter(ring), 0};
	return (struct record){0};
}

/* The same, with the counter as a trace has it, by which polls are told apart. What began before
 * recording was switched on may have ended unseen. */
static struct record poll_watched(const struct watchdog *watchdog, const struct watchdog_ring *ring,
				  bool *waits)
{
	struct record open = poll_open(watchdog, ring, waits);
	uint32_t unit_shift = watchdog->segment->header.unit_shift;

	if (open.counter <
	    atomic_load_explicit(&watchdog->shared->switched_counter, memory_order_relaxed))
		return (struct record){0};
	open.counter = open.counter >> unit_shift << unit_shift;
	return open;
}

/* CLOCK_MONOTONIC of a counter's value, by the rate since the process began to record. */
static uint64_t ns_of(const struct watchdog *watchdog, uint64_t counter)
{
	const struct trace_clock_pair *start = &watchdog->shared->start;
	double ticks = (double)(watchdog->now_counter - start->counter);
	double ns = (double)(watchdog->now_ns - start->mono_ns);
	uint64_t ago = watchdog->now_counter - counter;

	if (counter >= watchdog->now_counter || ticks <= 0 || ns <= 0)
		return watchdog->now_ns;
	ago = (uint64_t)((double)ago * ns / ticks);
	return ago < watchdog->now_ns ? watchdog->now_ns - ago : 0;
}

static uint64_t threshold_of(const struct watchdog *watchdog, uint8_t role)
{
	return role == TRACE_ROLE_POOL ? watchdog->threshold_ns * WATCHDOG_POOL
				       : watchdog->threshold_ns;
}

static void poll_begin(const struct watchdog *watchdog, struct stall_poll *poll,
		       const struct watchdog_ring *ring, struct record open)
{
	*poll = (struct stall_poll){
	    .worker = ring->worker,
	    .counter = open.counter,
	    .word = open.word,
	    .head = poll->head,
	    .waits_sampled = poll->waits_sampled,
	};
	poll->start_ns = ns_of(watchdog, open.counter);
	poll->due_ns = poll->start_ns + threshold_of(watchdog, ring->role);
}

/* Which of its thread's CPU time is not the poll's. Reading it costs as much as the rest of a
 * round, and of a server at full load every round sees a poll that is over in microseconds: one
 * that has only just begun, as hundreds did since the round before, is read in the next round, if
 * it is still there. */
static void poll_base(const struct watchdog *watchdog, struct stall_poll *poll,
		      const struct watchdog_ring *ring)
{
	bool is_new = watchdog->now_ns - poll->start_ns < watchdog->threshold_ns / NEW_PART;

	if (is_new && ring->head - poll->head >= MANY_EVENTS)
		return;
	poll->base_counter = watchdog->now_counter;
	sampler_read_cpu(watchdog->segment->proc_pid, ring->tid, &poll->base);
}

/* ---- When to sample-------------------------------------------------------------------------- */

/* Fewer than WATCHDOG_SAMPLES_MAX were asked for in the last second, and the stall sampler is free.
 */
static bool may_look(struct watchdog *watchdog)
{
	uint64_t *oldest = &watchdog->asked_ns[watchdog->asked % WATCHDOG_SAMPLES_MAX];

	if (atomic_load_explicit(&stall_sampler.state, memory_order_acquire) !=
		STALL_SAMPLER_IDLE ||
	    (*oldest != 0 && watchdog->now_ns - *oldest < SECOND_NS))
		return false;
	*oldest = watchdog->now_ns;
	watchdog->asked++;
	return true;
}

/* The stall sampler is at a sample for the profile, and is soon free. */
static bool is_profiling(void)
{
	return atomic_load_explicit(&stall_sampler.state, memory_order_acquire) !=
		   STALL_SAMPLER_IDLE &&
	       stall_sampler.is_profile;
}

/* The next sample is due when the callback has run for twice as long. */
static void poll_look(struct watchdog *watchdog, struct stall_poll *poll,
		      const struct watchdog_ring *ring)
{
	uint64_t age_ns = watchdog->now_ns - poll->start_ns,
		 step_ns = threshold_of(watchdog, ring->role);

	if (is_profiling()) {
		poll->due_ns = watchdog->now_ns + MILLISECOND_NS;
		return;
	}
	while (step_ns <= age_ns)
		step_ns *= 2;
	poll->due_ns = poll->start_ns + step_ns;
	if (may_look(watchdog)) {
		stall_sampler_ask(watchdog, ring, poll);
	} else {
		poll->suppressed++;
		watchdog->suppressed++;
	}
}

static void note_errors(struct watchdog *watchdog)
{
	const struct probe *probe = &stall_sampler.sample.probe;
	bool refused = probe->error == -EPERM || probe->error == -EACCES;
	enum segment_note note = probe->refused		? SEGMENT_NOTE_STOPS_REFUSED
				 : refused && probe->sp ? SEGMENT_NOTE_STACKS_REFUSED
				 : refused		? SEGMENT_NOTE_LOOKS_REFUSED
				 : probe->state == 'R' && stall_sampler.is_loop
				     ? SEGMENT_NOTE_NO_STOPS
				     : SEGMENT_NOTES;

	if (note == SEGMENT_NOTE_NO_STOPS && (probe->sp || stall_sampler.sample.at.may_stop))
		return;
	if (note != SEGMENT_NOTES)
		segment_put_note(watchdog->segment, note, watchdog->now_ns);
}

static bool has_look(const struct watchdog *watchdog, uint32_t ring)
{
	return watchdog_has_news(watchdog) && stall_sampler.ring == ring;
}

/* A sample counts only if the callback was open all the while, and waited if that is what was to be
 * seen. */
static void stall_probe_collect(struct watchdog *watchdog, bool was_open)
{
	struct stall_poll *poll = &watchdog->polls[stall_sampler.ring];
	bool to_wait = stall_sampler.sample.poll.waits;

	if (was_open && (!to_wait || stall_sampler.sample.probe.sp)) {
		if (to_wait)
			poll->waits_sampled = stall_sampler.sample.poll.counter;
		note_errors(watchdog);
		thread_sample_write(watchdog->segment, &stall_sampler.sample, watchdog->now_ns);
		watchdog->taken++;
		watchdog->blind += !stall_sampler.sample.probe.sp;
		poll->probes += poll->counter == stall_sampler.sample.poll.counter;
	} else {
		watchdog->suppressed++;
	}
	atomic_store_explicit(&stall_sampler.state, STALL_SAMPLER_IDLE, memory_order_release);
}

static void poll_see(struct watchdog *watchdog, struct stall_poll *poll,
		     const struct watchdog_ring *ring, struct record open, bool waits)
{
	if (!poll->counter)
		poll_begin(watchdog, poll, ring, open);
	poll->waits = waits;
	if (waits && poll->waits_sampled == poll->counter)
		return;
	if (!poll->base_counter)
		poll_base(watchdog, poll, ring);
	if (watchdog->now_ns >= poll->due_ns)
		poll_look(watchdog, poll, ring);
	if (poll->due_ns < watchdog->next_ns)
		watchdog->next_ns = poll->due_ns;
}

void watchdog_see(struct watchdog *watchdog, const struct watchdog_ring *ring)
{
	struct stall_poll *poll = &watchdog->polls[ring->index];
	bool waits;
	struct record open = poll_watched(watchdog, ring, &waits);

	if (has_look(watchdog, ring->index))
		stall_probe_collect(watchdog,
				    stall_sampler.undisturbed ||
					stall_sampler.sample.poll.counter == open.counter);
	if (poll->counter && (poll->worker != ring->worker || poll->counter != open.counter)) {
		if (poll->probes > 0 && !poll->waits)
			stall_write_end(watchdog, poll, ring->tid);
		poll->counter = 0;
	}
	if (open.counter)
		poll_see(watchdog, poll, ring, open, waits);
	poll->head = ring->head;
}

void watchdog_forget(struct watchdog *watchdog, uint32_t index)
{
	if (has_look(watchdog, index))
		stall_probe_collect(watchdog, stall_sampler.undisturbed);
	watchdog->polls[index].counter = 0;
}

/* ---- Rounds --------------------------------------------------------------------------------- */

bool watchdog_has_news(const struct watchdog *watchdog)
{
	return watchdog->threshold_ns &&
	       atomic_load_explicit(&stall_sampler.state, memory_order_acquire) ==
		   STALL_SAMPLER_DONE &&
	       !stall_sampler.is_profile;
}

static bool is_on(const struct watchdog *watchdog)
{
	return watchdog->threshold_ns &&
	       atomic_load_explicit(&watchdog->shared->enabled, memory_order_relaxed);
}

/* A tick that comes by in the second half of the time between rounds saves a wake-up of its own. */
bool watchdog_begin(struct watchdog *watchdog, uint64_t now_ns)
{
	struct trace_clock_pair now;

	if (!is_on(watchdog))
		return false;
	if (now_ns < watchdog->next_ns && now_ns - watchdog->seen_ns < watchdog->threshold_ns / 2 &&
	    !watchdog_has_news(watchdog))
		return false;
	now = clock_pair_read(watchdog->segment->clock);
	watchdog->now_ns = watchdog->seen_ns = now.mono_ns;
	watchdog->now_counter = now.counter;
	watchdog->next_ns = UINT64_MAX;
	return true;
}

static int ms_until(uint64_t now_ns, uint64_t then_ns)
{
	uint64_t left_ns = then_ns > now_ns ? then_ns - now_ns : 0;

	return (int)((left_ns < 1000 * SECOND_NS ? left_ns : 1000 * SECOND_NS) / MILLISECOND_NS) +
	       1;
}

int watchdog_wait_ms(const struct watchdog *watchdog, uint64_t now_ns, bool quiet)
{
	uint64_t next_ns = watchdog->next_ns;

	if (!is_on(watchdog))
		return -1;
	if (!quiet && watchdog->seen_ns + watchdog->threshold_ns < next_ns)
		next_ns = watchdog->seen_ns + watchdog->threshold_ns;
	return next_ns == UINT64_MAX ? -1 : ms_until(now_ns, next_ns);
}

union sampler_values watchdog_totals(const struct watchdog *watchdog)
{
	union sampler_values values = {.file = {0}};

	values.stalls.taken = watchdog->taken;
	values.stalls.left_out = watchdog->suppressed;
	values.stalls.blind = watchdog->blind;
	return values;
}

void watchdog_init(struct watchdog *watchdog, struct shared *shared, struct segment *segment)
{
	memset(watchdog, 0, sizeof(*watchdog));
	watchdog->shared = shared;
	watchdog->segment = segment;
	watchdog->threshold_ns = shared->options.stall_ms * MILLISECOND_NS;
	watchdog->next_ns = UINT64_MAX;
}
