/* SPDX-License-Identifier: Apache-2.0
 *
 * See thread_sample.h.
 */
#include "thread_sample.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "files/proc_file.h"
#include "ring/clock.h"

#define HELD_TRIES    200 /* while another of ours holds the thread: a tenth of a second */
#define HELD_PAUSE_NS 500000

#if defined(__x86_64__)
#define REGISTER_FP 6 /* in DWARF's order */
#else
#define REGISTER_FP 29
#endif

static struct runtime_thread thread_of(const struct thread_sample *sample)
{
	const struct probe *probe = &sample->probe;

	return (struct runtime_thread){
	    .tid = sample->own_tid,
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
static void still_see(const struct probe_target *at, const struct probe *probe)
{
	struct thread_sample *sample = at->visit_arg;
	struct runtime_thread thread = thread_of(sample);

	sample->counter = clock_read(sample->clock);
	/* Acquire: pairs with the release in thread_put(). */
	sample->held_head = atomic_load_explicit(&sample->ring->head, memory_order_acquire);
	sample->saw = !at->innermost || probe->frame_sp != 0;
	if (sample->saw && sample->has_runtime)
		runtimes_walk(&thread, &sample->scripts);
}

/* A tracer that lets go soon, because it samples as well. A debugger does not. */
static bool is_ours(uint32_t tracer)
{
	char name[32];

	return tracer && proc_file_read_task(tracer, tracer, "comm", name, sizeof(name)) > 0 &&
	       (strcmp(name, "uvtrace-drain\n") == 0 || strcmp(name, "trace_ctl\n") == 0);
}

static void probe_take(struct thread_sample *sample)
{
	static const struct timespec pause = {0, HELD_PAUSE_NS};
	int tries = HELD_TRIES;

	stall_probe_take(&sample->at, &sample->probe);
	while (is_ours(sample->probe.tracer) && --tries > 0) {
		nanosleep(&pause, NULL);
		stall_probe_take(&sample->at, &sample->probe);
	}
}

/* The functions of a language runtime are read while the thread holds still; of one that runs and
 * may not be stopped they are read twice. */
static void scripts_finish(struct thread_sample *sample)
{
	static struct script_stack again;

	if (!sample->saw && !sample->at.innermost && sample->probe.state == 'R') {
		struct runtime_thread thread = thread_of(sample);

		runtimes_walk_running(&thread, &sample->scripts, &again);
	}
	if (sample->probe.moved) {
		script_stack_clear(&sample->scripts);
		sample->scripts.status = TRACE_SCRIPT_LOST;
	}
	runtimes_lines(&sample->scripts);
}

void thread_sample_take(struct thread_sample *sample)
{
	sample->has_runtime = runtimes_prepare(sample->at.pid, clock_mono_ns());
	sample->saw = false;
	sample->held_head = sample->head;
	sample->at.visit = still_see;
	sample->at.visit_arg = sample;
	for (int tries = 0; tries < 2; tries++) { /* a sleeper may wake up meanwhile */
		script_stack_clear(&sample->scripts);
		probe_take(sample);
		if (!sample->probe.moved)
			break;
	}
	if (sample->has_runtime)
		scripts_finish(sample);
}

void thread_sample_finish(struct thread_sample *sample)
{
	if (!sample->saw)
		sample->counter = clock_read(sample->clock);
	sample->has_cpu = sampler_read_cpu(sample->at.pid, sample->at.tid, &sample->cpu);
}
