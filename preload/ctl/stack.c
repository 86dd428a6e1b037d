/* SPDX-License-Identifier: Apache-2.0
 *
 * See stack.h.
 */
#include "stack.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "observe/attach.h"
#include "ring/laps.h"
#include "stack_internal.h"

#define TRIES_MAX 8 /* at one thread that goes on from callback to callback */

static struct thread_sample sample;

/* What came of all samples. */
struct stack_sum {
	uint32_t samples;
	uint64_t stopped_ns; /* the longest stop */
};

/* ---- What the ring says ---------------------------------------------------------------------- */

static bool is_worker(const struct shared_ring *ring)
{
	return atomic_load_explicit(&ring->state, memory_order_acquire) == RING_LIVE &&
	       ring->role != TRACE_ROLE_OTHER;
}

static uint64_t newest_counter(struct shared *shared, uint32_t index, uint64_t head)
{
	struct laps laps =
	    laps_read(&shared->rings[index], shared->ring_bytes / sizeof(struct record));

	return laps_record(&laps, shared_ring_records(shared, index), head - 1).counter;
}

/* What the thread was in at that head. A wait, a callback and the time outside of loops lasted
 * since their record; what else it did, since the newest one. What began before recording was
 * switched on may have ended unseen. {0, 0}: not known. */
static struct record doing_at(struct shared *shared, uint32_t index, uint64_t head)
{
	struct record doing = head ? target_doing(shared, index, head) : (struct record){0};
	uint32_t code = trace_word_code(doing.word);

	if (!atomic_load(&shared->enabled) || !doing.word ||
	    doing.counter < atomic_load(&shared->switched_counter))
		return (struct record){0};
	if (!trace_word_is_poll(doing.word) && code != TRACE_PARK && code != TRACE_LOOP_LEAVE) {
		uint64_t newest = newest_counter(shared, index, head);

		doing.counter = newest > doing.counter ? newest : doing.counter;
	}
	return doing;
}

/* ---- The sample ------------------------------------------------------------------------------ */

static void sample_prepare(const struct target *target, uint32_t index, uint32_t tid)
{
	struct shared *shared = target->shared;
	struct shared_ring *ring = &shared->rings[index];
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	struct record doing = doing_at(shared, index, head);

	sample.poll = (struct stall_poll){
	    .worker = ring->worker, .word = doing.word, .counter = doing.counter};
	sample.ring = ring;
	sample.head = head;
	sample.clock = shared->clock;
	sample.own_tid = ring->tid;
	sample.at = (struct probe_target){
	    .pid = target->pid,
	    .tid = tid,
	    .may_stop = true,
	    .poll_word = trace_word_is_poll(doing.word) ? doing.word : 0,
	    .thread = shared_ring_frames(shared, index),
	    .depth_at = shared->thread_depth_at,
	    .frames_at = shared->thread_frames_at,
	};
}

/* It went on between the ring and the sample: then it was in what the ring said while it held
 * still, and where that callback's stack ends is not known. */
static void sample_correct(struct shared *shared, uint32_t index)
{
	struct record doing = doing_at(shared, index, sample.held_head);

	sample.poll.word = doing.word;
	sample.poll.counter = doing.counter;
	sample.probe.frame_sp = 0;
}

/* Times that are not known are those of the sample, so that nothing follows from them. */
static void sample_finish(void)
{
	if (!sample.poll.counter || sample.poll.counter > sample.counter)
		sample.poll.counter = sample.counter;
	sample.poll.base_counter = sample.counter;
	if (sample.has_cpu)
		sample.poll.base = sample.cpu;
}

/* False: the thread has ended. */
static bool worker_sample(const struct target *target, uint32_t index)
{
	const struct shared_ring *ring = &target->shared->rings[index];
	uint32_t tid = attach_find_tid(target->pid, ring->tid);
	int tries = 0;

	if (!tid)
		return false;
	do {
		sample_prepare(target, index, tid);
		thread_sample_take(&sample);
		thread_sample_finish(&sample);
	} while (sample.held_head != sample.head && ++tries < TRIES_MAX);
	if (sample.held_head != sample.head)
		sample_correct(target->shared, index);
	sample_finish();
	return sample.probe.state != 0 || is_worker(ring);
}

static struct stack_sum samples_take(const struct target *target,
				     void (*take)(const struct target *,
						  const struct thread_sample *))
{
	struct stack_sum sum = {0};

	for (uint32_t i = 0; i < target->shared->ring_count; i++) {
		if (!is_worker(&target->shared->rings[i]) || !worker_sample(target, i))
			continue;
		take(target, &sample);
		sum.samples++;
		if (sample.probe.stopped_ns > sum.stopped_ns)
			sum.stopped_ns = sample.probe.stopped_ns;
	}
	return sum;
}

/* ---- The command ----------------------------------------------------------------------------- */

static void take_for_trace(const struct target *target, const struct thread_sample *taken)
{
	(void)target;
	stack_trace_add(taken);
}

/* Says how long threads were kept from running. */
static void sum_print(const struct stack_sum *sum)
{
	if (!sum->stopped_ns) {
		puts("no thread had to be stopped");
		return;
	}
	printf("threads that computed were stopped, the longest for ");
	target_print_duration(sum->stopped_ns);
	putchar('\n');
}

/* Without analyze_trace: samples again, as what was seen has gone with the trace. */
static int print_plainly(const struct target *target)
{
	struct stack_sum sum;

	if (target->json)
		return target_fail(target->pid, "stack --json needs analyze_trace, which is "
						"neither beside trace_ctl nor in PATH");
	fputs("trace_ctl: analyze_trace is neither beside trace_ctl nor in PATH: no stacks\n",
	      stderr);
	printf("process %u\n", target->pid);
	sum = samples_take(target, stack_text_print);
	sum_print(&sum);
	return 0;
}

int stack(const struct target *target)
{
	struct stack_sum sum;
	int trace, status;

	if (!stack_trace_begin(target))
		return 1;
	sum = samples_take(target, take_for_trace);
	trace = stack_trace_end();
	if (trace < 0)
		return 1;
	if (sum.samples == 0) {
		close(trace);
		return target_fail(target->pid, "no thread of it runs a loop or the pool now");
	}
	status = stack_trace_explain(trace, target->json);
	close(trace);
	if (status == -ENOENT)
		return print_plainly(target);
	if (status < 0)
		return target_fail(target->pid, strerror(-status));
	if (status == 0 && !target->json)
		sum_print(&sum);
	return status ? 1 : 0;
}
