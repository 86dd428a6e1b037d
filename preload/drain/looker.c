/* SPDX-License-Identifier: Apache-2.0
 *
 * See watchdog_internal.h. Where no thread can be made, the drain looks by itself and nobody is stopped.
 */
#include "watchdog_internal.h"

#include <pthread.h>

#include "ring/clock.h"
#include "ring/futex.h"

#define LOOKER_STACK_BYTES 65536

struct looker looker;

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

/* Makes the thread that looks; where that cannot be, the drain looks by itself and nobody is stopped. */
static bool looker_start(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (looker.started)
		return true;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, LOOKER_STACK_BYTES);
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

void looker_ask(struct watchdog *watchdog, const struct watchdog_ring *ring, const struct watchdog_poll *poll)
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
