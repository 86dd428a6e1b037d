/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog.h. A round finds each thread's current callback in the newest records of its ring.
 * When a callback is first seen, its deadline is set, and the drain wakes up at that time. Rounds
 * are no further apart than the threshold, so no callback that runs longer is missed.
 *
 * Of stack and registers only words that point into code or into the stack are written. Unwinding
 * needs no more.
 */
#include "watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "ring/clock.h"
#include "ring/doing.h"
#include "ring/futex.h"
#include "observe/look.h"

#define MILLISECOND_NS 1000000ull
#define SECOND_NS      1000000000ull
#define SCAN_MAX       4096 /* newest records that are gone through for what is open */
#define LOOKER_STACK   65536
#define WORDS_MAX      1500 /* of one stack that are kept */
#define NEW_PART       25   /* a poll has only just begun until this part of the threshold is over */
#define MANY_EVENTS    1000 /* between two rounds */

/* ---- Who looks ------------------------------------------------------------------------------------------ */

enum looker_state { LOOKER_IDLE, LOOKER_ASKED, LOOKER_DONE };

/* One for the process: it outlives the drain, whose end does not wait for a look. `look` and what was asked belong to
 * the looker from ASKED to DONE, else to the drain. */
static struct {
	_Atomic uint32_t state; /* futex */
	bool started;
	uint32_t ring;
	struct watchdog_poll poll; /* as it was when the look was asked for */
	bool is_loop;
	uint64_t counter; /* of the look */
	uint64_t head;	  /* of the ring when it was asked for */
	bool undisturbed; /* ... and when the look was over */
	struct shared *shared;
	struct sampler_values cpu;
	bool has_cpu;
	struct look_at at;
	struct look look;
} looker;

static void look_now(void)
{
	const struct shared_ring *ring = &looker.shared->rings[looker.ring];

	look_take(&looker.at, &looker.look);
	looker.counter = clock_read(looker.shared->clock);
	looker.has_cpu = sampler_read_cpu(looker.at.pid, looker.at.tid, &looker.cpu);
	/* Acquire: pairs with the release in thread_put(). */
	looker.undisturbed = atomic_load_explicit(&ring->head, memory_order_acquire) == looker.head;
	/* Release: pairs with the acquire of the drain, which then reads the look. */
	atomic_store_explicit(&looker.state, LOOKER_DONE, memory_order_release);
}

static void *looker_main(void *arg)
{
	for (;;) {
		uint32_t state = atomic_load_explicit(&looker.state, memory_order_acquire);

		if (state == LOOKER_ASKED)
			look_now();
		else
			futex_wait(&looker.state, state, -1);
	}
	return arg;
}

/* Starts the sampling thread. If that fails, the drain samples by itself and stops no thread. */
static bool looker_start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (looker.started)
		return true;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, LOOKER_STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	looker.started = pthread_create(&thread, &attributes, looker_main, NULL) == 0;
	pthread_attr_destroy(&attributes);
	return looker.started;
}

static bool is_process(const struct watchdog *watchdog)
{
	return watchdog->shared->options.drain == SHARED_DRAIN_PROCESS;
}

static uint64_t thread_address(const struct shared *shared, uint32_t ring)
{
	return shared->threads ? shared->threads + (uint64_t)shared->thread_bytes * ring : 0;
}

static void look_ask(struct watchdog *watchdog, const struct watchdog_ring *ring, const struct watchdog_poll *poll)
{
	const struct shared *shared = watchdog->shared;
	bool apart = is_process(watchdog) && looker_start();

	looker.ring = ring->index;
	looker.shared = watchdog->shared;
	looker.poll = *poll;
	looker.is_loop = ring->role == TRACE_ROLE_LOOP;
	looker.head = ring->head;
	looker.at = (struct look_at){
	    .pid = watchdog->segment->proc_pid,
	    .tid = ring->tid,
	    .may_stop = apart && looker.is_loop,
	    .poll_word = poll->word,
	    .thread = thread_address(shared, ring->index),
	    .depth_at = shared->thread_depth_at,
	    .frames_at = shared->thread_frames_at,
	};
	if (!apart) {
		look_now();
		return;
	}
	/* Release: pairs with the acquire of the looker. */
	atomic_store_explicit(&looker.state, LOOKER_ASKED, memory_order_release);
	futex_wake(&looker.state);
}

/* ---- What is written of a look -------------------------------------------------------------------------- */

/* Whether unwinding may need this value: it points into code or into the stack. A frame pointer may
 * point beyond the words that were read; it still says that a frame ends there. */
static bool is_worth_keeping(const struct watchdog *watchdog, const struct look *look, uint64_t value)
{
	uint64_t address = value & TRACE_OBJECT_MASK; /* without a return address's signature */

	return value - look->sp < LOOK_STACK_BYTES || modules_is_code(&watchdog->segment->modules, address);
}

static uint32_t registers_put(const struct watchdog *watchdog, const struct look *look, uint64_t *to)
{
	for (uint32_t i = 0; i < look->register_count; i++)
		to[i] = is_worth_keeping(watchdog, look, look->registers[i]) ? look->registers[i] : 0;
	return look->register_count;
}

static uint32_t words_put(const struct watchdog *watchdog, const struct look *look, uint64_t *to)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < look->stack_bytes / sizeof(uint64_t) && count < WORDS_MAX; i++)
		if (is_worth_keeping(watchdog, look, look->stack[i]))
			to[count++] = trace_word(look->stack[i] & TRACE_OBJECT_MASK, i);
	return count;
}

static uint64_t tick_of(const struct watchdog *watchdog, uint64_t counter)
{
	return counter >> watchdog->segment->header.unit_shift;
}

static void poll_put(const struct watchdog *watchdog, const struct watchdog_poll *poll, struct trace_stall_entry *entry)
{
	entry->worker = poll->worker;
	entry->machine = look_machine;
	entry->poll_word = poll->word;
	entry->poll_tick = tick_of(watchdog, poll->counter);
	entry->base_tick = tick_of(watchdog, poll->base_counter);
	entry->base_cpu_ns = poll->base.a;
	entry->base_wait_ns = poll->base.b;
	entry->suppressed = poll->suppressed;
	entry->syscall = LOOK_SYSCALL_UNKNOWN;
}

static void look_put(const struct watchdog *watchdog, struct trace_stall_entry *entry)
{
	const struct look *look = &looker.look;

	poll_put(watchdog, &looker.poll, entry);
	entry->type = TRACE_STALL_LOOK;
	entry->tick = tick_of(watchdog, looker.counter);
	entry->cpu_ns = looker.has_cpu ? looker.cpu.a : 0;
	entry->wait_ns = looker.has_cpu ? looker.cpu.b : 0;
	entry->state = look->state;
	entry->syscall = look->syscall;
	memcpy(entry->arguments, look->arguments, sizeof(entry->arguments));
	entry->sp = look->sp;
	entry->pc = look->pc;
	entry->frame_sp = look->frame_sp;
	entry->holder = look->holder;
	entry->stack_bytes = look->stack_bytes;
	entry->error = (uint32_t)-look->error;
	entry->register_count = (uint8_t)registers_put(watchdog, look, entry->data);
	entry->word_count = words_put(watchdog, look, entry->data + entry->register_count);
	entry->object_bytes = (uint16_t)strnlen(look->object, sizeof(look->object));
	memcpy(entry->data + entry->register_count + entry->word_count, look->object, entry->object_bytes);
}

/* An entry is made as large as it may become, then given out as large as it is. */
static void look_write(struct watchdog *watchdog)
{
	static union {
		struct trace_stall_entry entry;
		char bytes[TRACE_STALL_ENTRY_BYTES_MAX];
	} whole;
	struct segment *segment = watchdog->segment;
	struct trace_stall_entry *entry = &whole.entry, *place;

	memset(&whole, 0, sizeof(whole));
	segment_update_modules(segment, watchdog->now_ns);
	look_put(watchdog, entry);
	entry->entry_bytes = (uint32_t)sizeof(*entry) +
			     (entry->register_count + entry->word_count) * (uint32_t)sizeof(uint64_t) +
			     entry->object_bytes;
	entries_begin(&segment->entries, TRACE_BLOCK_STALLS);
	place = entries_add(segment, &segment->entries, &entry->entry_bytes, watchdog->now_ns);
	if (place)
		memcpy(place, entry, entry->entry_bytes);
	entries_flush(segment, &segment->entries, watchdog->now_ns);
}

/* Records the end of a callback that was sampled. */
static void end_write(struct watchdog *watchdog, const struct watchdog_poll *poll, uint32_t tid)
{
	struct segment *segment = watchdog->segment;
	struct trace_stall_entry *entry;
	uint32_t bytes = sizeof(*entry);
	struct sampler_values cpu;

	entries_begin(&segment->entries, TRACE_BLOCK_STALLS);
	entry = entries_add(segment, &segment->entries, &bytes, watchdog->now_ns);
	if (entry) {
		poll_put(watchdog, poll, entry);
		entry->entry_bytes = bytes;
		entry->type = TRACE_STALL_END;
		entry->tick = tick_of(watchdog, watchdog->now_counter);
		if (sampler_read_cpu(segment->proc_pid, tid, &cpu)) {
			entry->cpu_ns = cpu.a;
			entry->wait_ns = cpu.b;
		}
	}
	entries_flush(segment, &segment->entries, watchdog->now_ns);
}

/* ---- What the threads are in ---------------------------------------------------------------------------- */

/* What was open before the records that are still in the ring, of which `ended` have ended. */
static struct record open_before(const struct encoder *encoder, uint32_t ended)
{
	const struct trace_context *open;

	if (ended >= encoder->open_count || encoder->open_beyond > 0)
		return (struct record){0};
	open = &encoder->open[encoder->open_count - 1 - ended];
	return (struct record){open->tick << encoder->unit_shift, open->word};
}

static struct record doing_of(const struct watchdog_ring *ring)
{
	uint64_t pending = ring->head - ring->encoder->index;
	uint32_t ended;
	struct record doing =
	    doing_find(ring->records, &ring->laps, ring->head, pending < SCAN_MAX ? pending : SCAN_MAX, &ended);

	if (doing.word || pending > SCAN_MAX)
		return doing;
	return open_before(ring->encoder, ended);
}

/* When the newest event was: what is no poll began then. */
static uint64_t newest_counter(const struct watchdog_ring *ring)
{
	if (ring->head > ring->encoder->index)
		return laps_record(&ring->laps, ring->records, ring->head - 1).counter;
	return ring->encoder->tick << ring->encoder->unit_shift;
}

/* The poll that is open, as a record; counter 0: there is none to be watched. Of the pool everything but a wait counts,
 * of loops whose callbacks cannot be seen each turn; both have no word. */
static struct record poll_open(const struct watchdog *watchdog, const struct watchdog_ring *ring)
{
	struct record doing = doing_of(ring);
	uint32_t code = trace_word_code(doing.word);

	if (doing_is_poll(doing.word))
		return doing;
	if (ring->head == 0 || code == TRACE_PARK)
		return (struct record){0};
	if (ring->role == TRACE_ROLE_POOL ||
	    (watchdog->shared->tier == TRACE_TIER_LIBC && (code == TRACE_UNPARK || code == TRACE_TURN)))
		return (struct record){newest_counter(ring), 0};
	return (struct record){0};
}

/* The same, with the counter as a trace has it, by which polls are told apart. What began before recording was switched
 * on may have ended unseen. */
static struct record poll_watched(const struct watchdog *watchdog, const struct watchdog_ring *ring)
{
	struct record open = poll_open(watchdog, ring);
	uint32_t unit_shift = watchdog->segment->header.unit_shift;

	if (open.counter < atomic_load_explicit(&watchdog->shared->switched_counter, memory_order_relaxed))
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
	return role == TRACE_ROLE_POOL ? watchdog->threshold_ns * WATCHDOG_POOL : watchdog->threshold_ns;
}

static void poll_begin(const struct watchdog *watchdog, struct watchdog_poll *poll, const struct watchdog_ring *ring,
		       struct record open)
{
	*poll = (struct watchdog_poll){
	    .worker = ring->worker, .counter = open.counter, .word = open.word, .head = poll->head};
	poll->start_ns = ns_of(watchdog, open.counter);
	poll->due_ns = poll->start_ns + threshold_of(watchdog, ring->role);
}

/* Which of its thread's CPU time is not the poll's. Reading it costs as much as the rest of a round, and of a server at
 * full load every round sees a poll that is over in microseconds: one that has only just begun, as hundreds did since
 * the round before, is read in the next round, if it is still there. */
static void poll_base(const struct watchdog *watchdog, struct watchdog_poll *poll, const struct watchdog_ring *ring)
{
	bool is_new = watchdog->now_ns - poll->start_ns < watchdog->threshold_ns / NEW_PART;

	if (is_new && ring->head - poll->head >= MANY_EVENTS)
		return;
	poll->base_counter = watchdog->now_counter;
	sampler_read_cpu(watchdog->segment->proc_pid, ring->tid, &poll->base);
}

/* ---- When to look --------------------------------------------------------------------------------------- */

/* Fewer than WATCHDOG_LOOKS_MAX were asked for in the last second, and the looker is free. */
static bool may_look(struct watchdog *watchdog)
{
	uint64_t *oldest = &watchdog->asked_ns[watchdog->asked % WATCHDOG_LOOKS_MAX];

	if (atomic_load_explicit(&looker.state, memory_order_acquire) != LOOKER_IDLE ||
	    (*oldest != 0 && watchdog->now_ns - *oldest < SECOND_NS))
		return false;
	*oldest = watchdog->now_ns;
	watchdog->asked++;
	return true;
}

/* The next sample is due when the callback has run for twice as long. */
static void poll_look(struct watchdog *watchdog, struct watchdog_poll *poll, const struct watchdog_ring *ring)
{
	uint64_t age_ns = watchdog->now_ns - poll->start_ns, step_ns = threshold_of(watchdog, ring->role);

	while (step_ns <= age_ns)
		step_ns *= 2;
	poll->due_ns = poll->start_ns + step_ns;
	if (may_look(watchdog)) {
		look_ask(watchdog, ring, poll);
	} else {
		poll->suppressed++;
		watchdog->suppressed++;
	}
}

static void note_errors(struct watchdog *watchdog)
{
	const struct look *look = &looker.look;
	bool refused = look->error == -EPERM || look->error == -EACCES;
	enum segment_note note = look->refused				? SEGMENT_NOTE_STOPS_REFUSED
				 : refused && look->sp			? SEGMENT_NOTE_STACKS_REFUSED
				 : refused				? SEGMENT_NOTE_LOOKS_REFUSED
				 : look->state == 'R' && looker.is_loop ? SEGMENT_NOTE_NO_STOPS
									: SEGMENT_NOTES;

	if (note == SEGMENT_NOTE_NO_STOPS && (look->sp || looker.at.may_stop))
		return;
	if (note != SEGMENT_NOTES)
		segment_put_note(watchdog->segment, note, watchdog->now_ns);
}

static bool has_look(const struct watchdog *watchdog, uint32_t ring)
{
	return watchdog_has_news(watchdog) && looker.ring == ring;
}

/* A sample counts only if the callback was open all the while. */
static void look_collect(struct watchdog *watchdog, bool was_open)
{
	struct watchdog_poll *poll = &watchdog->polls[looker.ring];

	if (was_open) {
		note_errors(watchdog);
		look_write(watchdog);
		watchdog->taken++;
		watchdog->blind += !looker.look.sp;
		poll->looks += poll->counter == looker.poll.counter;
	} else {
		watchdog->suppressed++;
	}
	atomic_store_explicit(&looker.state, LOOKER_IDLE, memory_order_release);
}

static void poll_see(struct watchdog *watchdog, struct watchdog_poll *poll, const struct watchdog_ring *ring,
		     struct record open)
{
	if (!poll->counter)
		poll_begin(watchdog, poll, ring, open);
	if (!poll->base_counter)
		poll_base(watchdog, poll, ring);
	if (watchdog->now_ns >= poll->due_ns)
		poll_look(watchdog, poll, ring);
	if (poll->due_ns < watchdog->next_ns)
		watchdog->next_ns = poll->due_ns;
}

void watchdog_see(struct watchdog *watchdog, const struct watchdog_ring *ring)
{
	struct watchdog_poll *poll = &watchdog->polls[ring->index];
	struct record open = poll_watched(watchdog, ring);

	if (has_look(watchdog, ring->index))
		look_collect(watchdog, looker.undisturbed || looker.poll.counter == open.counter);
	if (poll->counter && (poll->worker != ring->worker || poll->counter != open.counter)) {
		if (poll->looks > 0)
			end_write(watchdog, poll, ring->tid);
		poll->counter = 0;
	}
	if (open.counter)
		poll_see(watchdog, poll, ring, open);
	poll->head = ring->head;
}

void watchdog_forget(struct watchdog *watchdog, uint32_t index)
{
	if (has_look(watchdog, index))
		look_collect(watchdog, looker.undisturbed);
	watchdog->polls[index].counter = 0;
}

/* ---- Rounds --------------------------------------------------------------------------------------------- */

bool watchdog_has_news(const struct watchdog *watchdog)
{
	return watchdog->threshold_ns && atomic_load_explicit(&looker.state, memory_order_acquire) == LOOKER_DONE;
}

static bool is_on(const struct watchdog *watchdog)
{
	return watchdog->threshold_ns && atomic_load_explicit(&watchdog->shared->enabled, memory_order_relaxed);
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

	return (int)((left_ns < 1000 * SECOND_NS ? left_ns : 1000 * SECOND_NS) / MILLISECOND_NS) + 1;
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

struct sampler_values watchdog_totals(const struct watchdog *watchdog)
{
	return (struct sampler_values){.a = watchdog->taken, .b = watchdog->suppressed, .c = watchdog->blind};
}

void watchdog_init(struct watchdog *watchdog, struct shared *shared, struct segment *segment)
{
	memset(watchdog, 0, sizeof(*watchdog));
	watchdog->shared = shared;
	watchdog->segment = segment;
	watchdog->threshold_ns = shared->options.stall_ms * MILLISECOND_NS;
	watchdog->next_ns = UINT64_MAX;
}
