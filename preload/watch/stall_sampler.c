/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog_internal.h. Where no thread can be made, the drain samples by itself and nobody is
 * stopped.
 */
#include "watchdog_internal.h"

#include <pthread.h>
#include <time.h>

#include "ring/clock.h"
#include "ring/futex.h"

#define STALL_SAMPLER_STACK_BYTES 65536
#define SECOND_NS		  1000000000ull

struct stall_sampler stall_sampler;

/* The CPU time of this thread. */
static uint64_t cpu_ns(void)
{
	struct timespec time = {0};

	clock_gettime_real(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

bool stall_sampler_wait(uint32_t pid, uint32_t tid, uint64_t *wait_ns)
{
	const union sampler_values *before = &stall_sampler.before;
	union sampler_values now;
	uint64_t slices;

	*wait_ns = 0;
	if (!sampler_read_cpu(pid, tid, &now))
		return true;
	slices = now.cpu.slices - before->cpu.slices;
	if (slices > 0)
		*wait_ns = (now.cpu.wait_ns - before->cpu.wait_ns) / slices;
	return slices > 0;
}

/* A thread that woke up meanwhile is not told. What counts as the cost is what is worse: the CPU
 * time here, or how long the program did not run. */
static void profile_now(void)
{
	struct thread_sample *sample = &stall_sampler.sample;
	uint64_t start_ns = cpu_ns(), wait_ns = 0;
	bool has_before = sampler_read_cpu(sample->at.pid, sample->at.tid, &stall_sampler.before);

	thread_sample_take(sample);
	sample->saw &= !sample->probe.moved;
	stall_sampler.is_waiting = has_before && sample->probe.stopped_ns > 0 &&
				   !stall_sampler_wait(sample->at.pid, sample->at.tid, &wait_ns);
	stall_sampler.cost_ns = cpu_ns() - start_ns;
	if (sample->probe.stopped_ns > 0 &&
	    sample->probe.stopped_ns + wait_ns > stall_sampler.cost_ns)
		stall_sampler.cost_ns = sample->probe.stopped_ns + wait_ns;
}

static void stall_now(void)
{
	struct thread_sample *sample = &stall_sampler.sample;

	thread_sample_take(sample);
	thread_sample_finish(sample);
	/* Acquire: pairs with the release in thread_put(). */
	stall_sampler.undisturbed =
	    atomic_load_explicit(&sample->ring->head, memory_order_acquire) == sample->head;
}

static void look_now(void)
{
	if (stall_sampler.is_profile)
		profile_now();
	else
		stall_now();
	/* Release: pairs with the acquire of the drain, which then reads the sample. */
	atomic_store_explicit(&stall_sampler.state, STALL_SAMPLER_DONE, memory_order_release);
}

static void *stall_sampler_main(void *arg)
{
	for (;;) {
		uint32_t state = atomic_load_explicit(&stall_sampler.state, memory_order_acquire);

		if (state == STALL_SAMPLER_ASKED)
			look_now();
		else
			futex_wait(&stall_sampler.state, state, -1);
	}
	return arg;
}

/* Makes the thread that samples; where that cannot be, the drain samples by itself and nobody is
 * stopped. */
static bool stall_sampler_start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (stall_sampler.started)
		return true;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, STALL_SAMPLER_STACK_BYTES);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	stall_sampler.started = pthread_create(&thread, &attributes, stall_sampler_main, NULL) == 0;
	pthread_attr_destroy(&attributes);
	return stall_sampler.started;
}

static bool is_process(const struct shared *shared)
{
	return shared->options.drain == SHARED_DRAIN_PROCESS;
}

static struct probe_target at_of(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	return (struct probe_target){
	    .pid = pid,
	    .tid = shared->rings[ring].tid,
	    .thread = shared_ring_frames(shared, ring),
	    .depth_at = shared->thread_depth_at,
	    .frames_at = shared->thread_frames_at,
	};
}

/* What is the same for all samples of a ring's thread. */
static void look_begin(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	struct thread_sample *sample = &stall_sampler.sample;

	stall_sampler.ring = ring;
	sample->ring = &shared->rings[ring];
	sample->clock = shared->clock;
	sample->at = at_of(shared, pid, ring);
	sample->own_tid = sample->at.tid;
}

/* `apart`: by the thread that is there for it. */
static void ask(bool apart)
{
	if (!apart) {
		look_now();
		return;
	}
	/* Release: pairs with the acquire of the stall sampler. */
	atomic_store_explicit(&stall_sampler.state, STALL_SAMPLER_ASKED, memory_order_release);
	futex_wake(&stall_sampler.state);
}

void stall_sampler_ask(struct watchdog *watchdog, const struct watchdog_ring *ring,
		       const struct stall_poll *poll)
{
	bool apart = is_process(watchdog->shared) && stall_sampler_start();

	look_begin(watchdog->shared, watchdog->segment->proc_pid, ring->index);
	stall_sampler.is_profile = false;
	stall_sampler.is_loop = ring->role == TRACE_ROLE_LOOP;
	stall_sampler.sample.poll = *poll;
	stall_sampler.sample.head = ring->head;
	stall_sampler.sample.own_tid = stall_sampler.sample.at.tid = ring->tid;
	stall_sampler.sample.at.may_stop = apart && stall_sampler.is_loop && !poll->waits;
	stall_sampler.sample.at.poll_word = poll->word;
	ask(apart);
}

bool stall_sampler_in_callback(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	struct probe_target at = at_of(shared, pid, ring);

	at.innermost = true;
	return stall_probe_frame(&at) != 0;
}

void stall_sampler_ask_profile(struct shared *shared, uint32_t pid, uint32_t ring)
{
	bool apart = is_process(shared) && stall_sampler_start();

	look_begin(shared, pid, ring);
	stall_sampler.is_profile = true;
	stall_sampler.is_loop = true;
	stall_sampler.sample.poll = (struct stall_poll){.worker = shared->rings[ring].worker};
	stall_sampler.sample.has_cpu = false;
	stall_sampler.sample.at.may_stop = apart;
	stall_sampler.sample.at.innermost = true;
	ask(apart);
}
