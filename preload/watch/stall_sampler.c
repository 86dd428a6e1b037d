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

/* What is seen while the thread holds still; the time is read then too, as it tells a reader which
 * callback ran. */
static void still_see(const struct look_at *at, const struct probe *probe)
{
	struct runtime_thread thread = thread_of(probe);

	prober.counter = clock_read(prober.shared->clock);
	prober.saw = !at->innermost || probe->frame_sp != 0;
	if (prober.saw && prober.has_runtime)
		runtimes_walk(&thread, &prober.scripts);
}

/* The functions of a language runtime are read while the thread holds still; of one that runs and
 * may not be stopped they are read twice. */
static void sample_take(void)
{
	static struct script_stack again;
	const struct probe *probe = &prober.probe;

	prober.has_runtime = runtimes_prepare(prober.at.pid, clock_mono_ns());
	prober.saw = false;
	prober.at.visit = still_see;
	for (int tries = 0; tries < 2; tries++) { /* a sleeper may wake up meanwhile */
		script_stack_clear(&prober.scripts);
		stall_probe_take(&prober.at, &prober.probe);
		if (!probe->moved)
			break;
	}
	if (!prober.has_runtime)
		return;
	if (!prober.saw && !prober.at.innermost && probe->state == 'R') {
		struct runtime_thread thread = thread_of(probe);

		runtimes_walk_running(&thread, &prober.scripts, &again);
	}
	if (probe->moved) {
		script_stack_clear(&prober.scripts);
		prober.scripts.status = TRACE_SCRIPT_LOST;
	}
	runtimes_lines(&prober.scripts);
}

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

	sample_take();
	prober.saw &= !prober.probe.moved;
	prober.cost_ns = cpu_ns() - start_ns;
	if (prober.probe.stopped_ns > prober.cost_ns)
		prober.cost_ns = prober.probe.stopped_ns;
}

static void stall_now(void)
{
	const struct shared_ring *ring = &prober.shared->rings[prober.ring];

	sample_take();
	if (!prober.saw)
		prober.counter = clock_read(prober.shared->clock);
	prober.has_cpu = sampler_read_cpu(prober.at.pid, prober.at.tid, &prober.cpu);
	/* Acquire: pairs with the release in thread_put(). */
	prober.undisturbed = atomic_load_explicit(&ring->head, memory_order_acquire) == prober.head;
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

static uint64_t thread_address(const struct shared *shared, uint32_t ring)
{
	return shared->threads ? shared->threads + (uint64_t)shared->thread_bytes * ring : 0;
}

static struct look_at at_of(const struct shared *shared, uint32_t pid, uint32_t ring)
{
	return (struct look_at){
	    .pid = pid,
	    .tid = shared->rings[ring].tid,
	    .thread = thread_address(shared, ring),
	    .depth_at = shared->thread_depth_at,
	    .frames_at = shared->thread_frames_at,
	};
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
		const struct watchdog_poll *poll)
{
	bool apart = is_process(watchdog->shared) && prober_start();

	prober.is_profile = false;
	prober.ring = ring->index;
	prober.shared = watchdog->shared;
	prober.poll = *poll;
	prober.is_loop = ring->role == TRACE_ROLE_LOOP;
	prober.head = ring->head;
	prober.at = at_of(watchdog->shared, watchdog->segment->proc_pid, ring->index);
	prober.at.tid = ring->tid;
	prober.at.may_stop = apart && prober.is_loop;
	prober.at.poll_word = poll->word;
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

	prober.is_profile = true;
	prober.ring = ring;
	prober.shared = shared;
	prober.poll = (struct watchdog_poll){.worker = shared->rings[ring].worker};
	prober.is_loop = true;
	prober.has_cpu = false;
	prober.at = at_of(shared, pid, ring);
	prober.at.may_stop = apart;
	prober.at.innermost = true;
	ask(apart);
}
