/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog_internal.h. Where no thread can be made, the drain looks by itself and nobody is
 * stopped.
 */
#include "watchdog_internal.h"

#include <pthread.h>

#include "ring/clock.h"
#include "ring/futex.h"

#define LOOKER_STACK_BYTES 65536

struct prober prober;

#if defined(__x86_64__)
#define REGISTER_FP 6 /* in DWARF's order */
#else
#define REGISTER_FP 29
#endif

static struct runtime_thread thread_of(const struct probe *probe)
{
	return (struct runtime_thread){
	    .tid = prober.at.tid,
	    .is_stopped = probe->register_count > 0,
	    .sp = probe->sp,
	    .pc = probe->pc,
	    .fp = probe->register_count > 0 ? probe->registers[REGISTER_FP] : 0,
	    .thread_pointer = probe->thread_pointer,
	    .stack = probe->stack,
	    .stack_words = probe->stack_bytes / (uint32_t)sizeof(uint64_t),
	};
}

static void scripts_walk(const struct look_at *at, const struct probe *probe)
{
	struct runtime_thread thread = thread_of(probe);

	(void)at;
	runtimes_walk(&thread, &prober.scripts);
}

/* The functions of a language runtime. They are read while the thread holds still; of one that runs
 * and may not be stopped they are read twice. */
static void sample_take(void)
{
	static struct script_stack again;
	const struct probe *probe = &prober.probe;
	bool has_runtime = runtimes_prepare(prober.at.pid);

	script_stack_clear(&prober.scripts);
	prober.at.visit = has_runtime ? scripts_walk : NULL;
	stall_probe_take(&prober.at, &prober.probe);
	if (!has_runtime)
		return;
	if (!probe->sp && probe->state == 'R') {
		struct runtime_thread thread = thread_of(probe);

		runtimes_walk_running(&thread, &prober.scripts, &again);
	}
	if (probe->moved) {
		script_stack_clear(&prober.scripts);
		prober.scripts.status = TRACE_SCRIPT_LOST;
	}
	runtimes_lines(&prober.scripts);
}

static void look_now(void)
{
	const struct shared_ring *ring = &prober.shared->rings[prober.ring];

	sample_take();
	prober.counter = clock_read(prober.shared->clock);
	prober.has_cpu = sampler_read_cpu(prober.at.pid, prober.at.tid, &prober.cpu);
	/* Acquire: pairs with the release in thread_put(). */
	prober.undisturbed = atomic_load_explicit(&ring->head, memory_order_acquire) == prober.head;
	/* Release: pairs with the acquire of the drain, which then reads the look. */
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

static bool is_process(const struct watchdog *watchdog)
{
	return watchdog->shared->options.drain == SHARED_DRAIN_PROCESS;
}

static uint64_t thread_address(const struct shared *shared, uint32_t ring)
{
	return shared->threads ? shared->threads + (uint64_t)shared->thread_bytes * ring : 0;
}

void prober_ask(struct watchdog *watchdog, const struct watchdog_ring *ring,
		const struct watchdog_poll *poll)
{
	const struct shared *shared = watchdog->shared;
	bool apart = is_process(watchdog) && prober_start();

	prober.ring = ring->index;
	prober.shared = watchdog->shared;
	prober.poll = *poll;
	prober.is_loop = ring->role == TRACE_ROLE_LOOP;
	prober.head = ring->head;
	prober.at = (struct look_at){
	    .pid = watchdog->segment->proc_pid,
	    .tid = ring->tid,
	    .may_stop = apart && prober.is_loop,
	    .poll_word = poll->word,
	    .thread = thread_address(shared, ring->index),
	    .depth_at = shared->thread_depth_at,
	    .frames_at = shared->thread_frames_at,
	};
	if (!apart) {
		look_now();
		return;
	}
	/* Release: pairs with the acquire of the stall sampler. */
	atomic_store_explicit(&prober.state, LOOKER_ASKED, memory_order_release);
	futex_wake(&prober.state);
}
