/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall_look.h.
 */
#include "stall_look.h"

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

static struct runtime_thread thread_of(const struct stall_look *look)
{
	const struct probe *probe = &look->probe;

	return (struct runtime_thread){
	    .tid = look->own_tid,
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
	struct stall_look *look = at->visit_arg;
	struct runtime_thread thread = thread_of(look);

	look->counter = clock_read(look->clock);
	/* Acquire: pairs with the release in thread_put(). */
	look->held_head = atomic_load_explicit(&look->ring->head, memory_order_acquire);
	look->saw = !at->innermost || probe->frame_sp != 0;
	if (look->saw && look->has_runtime)
		runtimes_walk(&thread, &look->scripts);
}

/* A tracer that lets go soon, because it looks as well. A debugger does not. */
static bool is_ours(uint32_t tracer)
{
	char name[32];

	return tracer && proc_file_read_task(tracer, tracer, "comm", name, sizeof(name)) > 0 &&
	       (strcmp(name, "uvtrace-drain\n") == 0 || strcmp(name, "trace_ctl\n") == 0);
}

static void probe_take(struct stall_look *look)
{
	static const struct timespec pause = {0, HELD_PAUSE_NS};
	int tries = HELD_TRIES;

	stall_probe_take(&look->at, &look->probe);
	while (is_ours(look->probe.tracer) && --tries > 0) {
		nanosleep(&pause, NULL);
		stall_probe_take(&look->at, &look->probe);
	}
}

/* The functions of a language runtime are read while the thread holds still; of one that runs and
 * may not be stopped they are read twice. */
static void scripts_finish(struct stall_look *look)
{
	static struct script_stack again;

	if (!look->saw && !look->at.innermost && look->probe.state == 'R') {
		struct runtime_thread thread = thread_of(look);

		runtimes_walk_running(&thread, &look->scripts, &again);
	}
	if (look->probe.moved) {
		script_stack_clear(&look->scripts);
		look->scripts.status = TRACE_SCRIPT_LOST;
	}
	runtimes_lines(&look->scripts);
}

void stall_look_take(struct stall_look *look)
{
	look->has_runtime = runtimes_prepare(look->at.pid, clock_mono_ns());
	look->saw = false;
	look->held_head = look->head;
	look->at.visit = still_see;
	look->at.visit_arg = look;
	for (int tries = 0; tries < 2; tries++) { /* a sleeper may wake up meanwhile */
		script_stack_clear(&look->scripts);
		probe_take(look);
		if (!look->probe.moved)
			break;
	}
	if (look->has_runtime)
		scripts_finish(look);
}

void stall_look_finish(struct stall_look *look)
{
	if (!look->saw)
		look->counter = clock_read(look->clock);
	look->has_cpu = sampler_read_cpu(look->at.pid, look->at.tid, &look->cpu);
}
