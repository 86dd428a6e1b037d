/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog_internal.h. Where no thread can be made, the drain looks by itself and nobody is
 * stopped.
 */
#include "watchdog_internal.h"

#include <pthread.h>
#include <time.h>

#include "ring/clock.h"
#include "ring/futex.h"

#define LOOKER_STACK_BYTES 65536
#define SECOND_NS	   1000000000ull

struct prober prober;

/* The CPU time of this thread. */
static uint64_t cpu_ns(void)
{
	struct timespec time = {0};

	clock_gettime_real(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

/* A thread that woke up meanwhile is not told. What counts as the cost is what is worse: the CPU
 * time here, or how long the program was stopped. */
static void profile_now(void)
{
	uint64_t start_ns = cpu_ns();

	stall_look_take(&prober.look);
	prober.look.saw &= !prober.look.probe.moved;
	prober.cost_ns = cpu_ns() - start_ns;
	if (prober.look.probe.stopped_ns > prober.cost_ns)
		prober.cost_ns = prober.look.probe.stopped_ns;
}

static void stall_now(void)
{
	struct stall_look *look = &prober.look;

	stall_look_take(look);
	stall_look_finish(look);
	/* Acquire: pairs with the release in thread_put(). */
	prober.undisturbed =
	    atomic_load_explicit(&look->ring->head, memory_order_acquire) == look->head;
}

static void look_now(void)
{
	if (prober.is_profile)
		profile_now();
	else
		stall_now();
	/* Release: pairs with the acquire of the drain, which then reads the sample. */
	atomic_store_explicit(&prober.state, LOOKER_DONE, memory_order_release);
}

static void *prober_main(void *arg)
{
	for (;;) {
		uint32_t state = atomic_load_explicit(&prober.state, memory_order_acquire);

		if (state == LOOKER_ASKED)
			look_now();
		else
			futex_wait(&prober.state, state, -1);
	}
	return arg;
}

/* Makes the thread that looks; where that cannot be, the drain looks by itself and nobody is
 * stopped. */
static bool prober_start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (prober.started)
		return true;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, LOOKER_STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	prober.started = pthread_create(&thread, &attributes, prober_main, NULL) == 0;
	pthread_attr_destroy(&attributes);
	return prober.started;
}

static bool is_process(const struct shared *shared)
{
	return shared->options.drain == SHARED_DRAIN_PROCESS;
}

static struct look_at at_of(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	return (struct look_at){
	    .pid = pid,
	    .tid = shared->rings[ring].tid,
	    .thread = shared_ring_frames(shared, ring),
	    .depth_at = shared->thread_depth_at,
	    .frames_at = shared->thread_frames_at,
	};
}

/* What is the same for all looks at a ring's thread. */
static void look_begin(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	struct stall_look *look = &prober.look;

	prober.ring = ring;
	look->ring = &shared->rings[ring];
	look->clock = shared->clock;
	look->at = at_of(shared, pid, ring);
	look->own_tid = look->at.tid;
}

/* `apart`: by the thread that is there for it. */
static void ask(bool apart)
{
	if (!apart) {
		look_now();
		return;
	}
	/* Release: pairs with the acquire of the stall sampler. */
	atomic_store_explicit(&prober.state, LOOKER_ASKED, memory_order_release);
	futex_wake(&prober.state);
}

void prober_ask(struct watchdog *watchdog, const struct watchdog_ring *ring,
		const struct stall_poll *poll)
{
	bool apart = is_process(watchdog->shared) && prober_start();

	look_begin(watchdog->shared, watchdog->segment->proc_pid, ring->index);
	prober.is_profile = false;
	prober.is_loop = ring->role == TRACE_ROLE_LOOP;
	prober.look.poll = *poll;
	prober.look.head = ring->head;
	prober.look.own_tid = prober.look.at.tid = ring->tid;
	prober.look.at.may_stop = apart && prober.is_loop;
	prober.look.at.poll_word = poll->word;
	ask(apart);
}

bool prober_in_callback(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	struct look_at at = at_of(shared, pid, ring);

	at.innermost = true;
	return stall_probe_frame(&at) != 0;
}

void prober_ask_profile(struct shared *shared, uint32_t pid, uint32_t ring)
{
	bool apart = is_process(shared) && prober_start();

	look_begin(shared, pid, ring);
	prober.is_profile = true;
	prober.is_loop = true;
	prober.look.poll = (struct stall_poll){.worker = shared->rings[ring].worker};
	prober.look.has_cpu = false;
	prober.look.at.may_stop = apart;
	prober.look.at.innermost = true;
	ask(apart);
}
