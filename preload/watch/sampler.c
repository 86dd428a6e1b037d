/* SPDX-License-Identifier: Apache-2.0
 *
 * See sampler.h.
 */
#include "sampler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/proc_file.h"

static uint64_t tick_of(const struct sampler *sampler, uint64_t counter)
{
	return counter >> sampler->segment->header.unit_shift;
}

static uint64_t tick_now(const struct sampler *sampler)
{
	return segment_tick(sampler->segment);
}

static void sample_put(struct sampler *sampler, uint16_t type, uint32_t worker, uint64_t tick,
		       const union sampler_values *values, uint64_t now_ns)
{
	uint32_t bytes = sizeof(struct trace_sample);
	struct trace_sample *sample =
	    entries_add(sampler->segment, &sampler->segment->samples, &bytes, now_ns);

	if (!sample)
		return;
	sample->entry_bytes = (uint16_t)bytes;
	sample->type = type;
	sample->worker = worker;
	sample->tick = tick;
	sample->a = values->file.a;
	sample->b = values->file.b;
	sample->c = values->file.c;
	sample->d = values->file.d;
}

/* Writes the values if they are new. */
static void sample_changed(struct sampler *sampler, uint16_t type, uint32_t worker, uint64_t tick,
			   union sampler_values *last, union sampler_values values, uint64_t now_ns)
{
	if (memcmp(&values, last, sizeof(values)) == 0)
		return;
	*last = values;
	sample_put(sampler, type, worker, tick, &values, now_ns);
}

uint8_t sampler_read_name(uint32_t pid, uint32_t tid, char name[16])
{
	char text[32];
	int bytes = proc_file_read_task(pid, tid, "comm", text, sizeof(text));

	if (bytes < 2 || bytes > 16 || text[bytes - 1] != '\n')
		return 0;
	memcpy(name, text, (size_t)bytes - 1);
	return (uint8_t)(bytes - 1);
}

bool sampler_read_cpu(uint32_t pid, uint32_t tid, union sampler_values *values)
{
	char text[96];
	char *at = text;

	if (proc_file_read_task(pid, tid, "schedstat", text, sizeof(text)) <= 0)
		return false;
	*values = (union sampler_values){.file = {0}};
	values->cpu.cpu_ns = strtoull(at, &at, 10);
	values->cpu.wait_ns = strtoull(at, &at, 10);
	values->cpu.slices = strtoull(at, &at, 10);
	return true;
}

void sampler_init(struct sampler *sampler, struct segment *segment)
{
	char path[32];

	*sampler = (struct sampler){.segment = segment};
	snprintf(path, sizeof(path), "/proc/%u/cgroup", segment->proc_pid);
	machine_find_cgroup(path, "/proc/self/mountinfo", &sampler->cgroup);
	sampler->event_price_ps = machine_event_price_ps(segment->clock);
}

/* ---- The machine ----------------------------------------------------------------------------- */

static void sample_cpus(struct sampler *sampler, uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};

	values.cpus.quota = sampler->cgroup.quota;
	machine_read_cpus(sampler->segment->proc_pid, &values.cpus.all, &values.cpus.allowed);
	sample_changed(sampler, TRACE_SAMPLE_CPUS, 0, tick_now(sampler), &sampler->cpus, values,
		       now_ns);
}

static void sample_cgroup(struct sampler *sampler, uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};
	struct machine_throttling throttling;

	if (!machine_read_throttling(&sampler->cgroup, &throttling))
		return;
	values.cgroup.periods = throttling.periods;
	values.cgroup.throttled = throttling.throttled;
	values.cgroup.throttled_ns = throttling.throttled_ns;
	sample_changed(sampler, TRACE_SAMPLE_CGROUP, 0, tick_now(sampler), &sampler->throttling,
		       values, now_ns);
}

static void sample_time(struct sampler *sampler, uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};
	struct machine_time time;

	if (!machine_read_time("/proc/stat", &time))
		return;
	values.machine.busy_ns = time.busy_ns;
	values.machine.idle_ns = time.idle_ns;
	values.machine.steal_ns = time.steal_ns;
	sample_changed(sampler, TRACE_SAMPLE_MACHINE, 0, tick_now(sampler), &sampler->machine,
		       values, now_ns);
}

void sampler_sample_machine(struct sampler *sampler, uint64_t now_ns)
{
	if (!sampler->segment
		 ->proc_pid) /* what the machine does now does not concern a program that is gone */
		return;
	sample_cpus(sampler, now_ns);
	sample_cgroup(sampler, now_ns);
	sample_time(sampler, now_ns);
}

static bool switch_is_ready(const struct shared *shared, uint32_t number)
{
	/* Acquire: pairs with shared_note_switch(). */
	return atomic_load_explicit(&shared->switched[number % SHARED_SWITCHES_MAX].ready,
				    memory_order_acquire) == number + 1;
}

static void switch_put(struct sampler *sampler, uint32_t number, uint64_t now_ns)
{
	const struct shared_switch *change =
	    &sampler->segment->shared->switched[number % SHARED_SWITCHES_MAX];
	union sampler_values values = {.file = {0}};

	values.recording.on = change->on != 0;
	sample_put(sampler, TRACE_SAMPLE_RECORDING, 0, tick_of(sampler, change->counter), &values,
		   now_ns);
}

/* The newest switch that was written: a segment that begins while recording is off repeats it. */
static void switch_repeat(struct sampler *sampler, uint64_t now_ns)
{
	const struct shared *shared = sampler->segment->shared;
	uint32_t written = atomic_load_explicit(&shared->switches_written, memory_order_relaxed);

	if (written > 0 && switch_is_ready(shared, written - 1))
		switch_put(sampler, written - 1, now_ns);
}

void sampler_begin_segment(struct sampler *sampler, uint64_t now_ns)
{
	union sampler_values price = {.file = {0}}, none = {.file = {.a = UINT64_MAX}};

	price.price.event_ps = sampler->event_price_ps;
	sampler->cpus = sampler->throttling = sampler->machine = none;
	sample_put(sampler, TRACE_SAMPLE_PRICE, 0, tick_now(sampler), &price, now_ns);
	switch_repeat(sampler, now_ns);
	sampler_sample_machine(sampler, now_ns);
}

/* ---- Workers --------------------------------------------------------------------------------- */

void sampler_sample_switches(struct sampler *sampler, struct sampler_worker *worker,
			     uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/status", sampler->segment->proc_pid,
		 worker->tid);
	if (machine_read_switches(path, &values.switches.voluntary, &values.switches.involuntary))
		sample_changed(sampler, TRACE_SAMPLE_SWITCHES, worker->worker, tick_now(sampler),
			       &worker->switches, values, now_ns);
}

void sampler_begin_worker(struct sampler *sampler, struct sampler_worker *worker,
			  const struct shared_ring *ring, bool is_alive, uint64_t now_ns)
{
	*worker = (struct sampler_worker){
	    .worker = ring->worker,
	    .tid = ring->tid,
	    .is_loop = ring->role == TRACE_ROLE_LOOP,
	};
	if (is_alive)
		sampler_read_cpu(sampler->segment->proc_pid, worker->tid, &worker->cpu);
	worker->cpu.cpu.cpu_ns = ring->start_cpu_ns;
	sample_put(sampler, TRACE_SAMPLE_WORKER, worker->worker,
		   tick_of(sampler, ring->start_counter), &worker->cpu, now_ns);
	if (is_alive)
		sampler_sample_switches(sampler, worker, now_ns);
}

static void sample_queue(struct sampler *sampler, struct sampler_worker *worker,
			 const struct shared_ring *ring, uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};

	values.queue.requests = atomic_load_explicit(&ring->active_reqs, memory_order_relaxed);
	values.queue.handles = atomic_load_explicit(&ring->active_handles, memory_order_relaxed);
	values.queue.ready = atomic_load_explicit(&ring->ready, memory_order_relaxed);
	sample_changed(sampler, TRACE_SAMPLE_QUEUE, worker->worker, tick_now(sampler),
		       &worker->queue, values, now_ns);
}

void sampler_sample_worker(struct sampler *sampler, struct sampler_worker *worker,
			   const struct shared_ring *ring, uint64_t now_ns)
{
	union sampler_values values;

	if (worker->is_loop)
		sample_queue(sampler, worker, ring, now_ns);
	if (sampler_read_cpu(sampler->segment->proc_pid, worker->tid, &values))
		sample_changed(sampler, TRACE_SAMPLE_WORKER, worker->worker, tick_now(sampler),
			       &worker->cpu, values, now_ns);
}

void sampler_seal_worker(struct sampler *sampler, struct sampler_worker *worker, uint64_t now_ns)
{
	if (!worker->tid ||
	    !sampler_read_cpu(sampler->segment->proc_pid, worker->tid, &worker->cpu))
		return;
	sampler_sample_switches(sampler, worker, now_ns);
	sample_put(sampler, TRACE_SAMPLE_WORKER, worker->worker, tick_now(sampler), &worker->cpu,
		   now_ns);
}

void sampler_end_worker(struct sampler *sampler, struct sampler_worker *worker,
			const struct shared_ring *ring, uint64_t now_ns)
{
	union sampler_values values = worker->cpu;

	if (worker->is_loop)
		sample_queue(sampler, worker, ring, now_ns);
	values.cpu.cpu_ns = atomic_load_explicit(&ring->end_cpu_ns, memory_order_relaxed);
	sample_changed(
	    sampler, TRACE_SAMPLE_WORKER, worker->worker,
	    tick_of(sampler, atomic_load_explicit(&ring->end_counter, memory_order_relaxed)),
	    &worker->cpu, values, now_ns);
}

/* ---- The process ----------------------------------------------------------------------------- */

/* Each change of the switch since the last sample, however short recording was on or off. */
static void sample_recording(struct sampler *sampler, struct shared *shared, uint64_t now_ns)
{
	uint32_t end = atomic_load(&shared->switches);
	uint32_t number = atomic_load_explicit(&shared->switches_written, memory_order_relaxed);

	if (end - number > SHARED_SWITCHES_MAX) {
		segment_put_note(sampler->segment, SEGMENT_NOTE_SWITCHES, now_ns);
		number = end - SHARED_SWITCHES_MAX;
	}
	/* Where one is not ready, who notes it is not done yet: next time. */
	for (; number != end && switch_is_ready(shared, number); number++)
		switch_put(sampler, number, now_ns);
	atomic_store_explicit(&shared->switches_written, number, memory_order_relaxed);
}

static void sample_pool(struct sampler *sampler, const struct sampler_pool *pool, uint64_t now_ns)
{
	int64_t queued =
	    (int64_t)(pool->submitted - pool->cancelled - pool->finished - pool->running);
	union sampler_values values = {.file = {0}};

	values.pool.queued = queued > 0 ? (uint64_t)queued : 0;
	values.pool.running = pool->running;
	values.pool.threads = pool->threads;
	sample_changed(sampler, TRACE_SAMPLE_POOL, 0, tick_now(sampler), &sampler->pool, values,
		       now_ns);
}

static void sample_untraced(struct sampler *sampler, const struct shared *shared, uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};

	values.untraced.callbacks =
	    atomic_load_explicit(&shared->untraced_callbacks, memory_order_relaxed);
	values.untraced.threads =
	    atomic_load_explicit(&shared->untraced_threads, memory_order_relaxed);
	values.untraced.events =
	    atomic_load_explicit(&shared->untraced_events, memory_order_relaxed);
	values.untraced.marks = atomic_load_explicit(&shared->untraced_marks, memory_order_relaxed);
	sample_changed(sampler, TRACE_SAMPLE_UNTRACED, 0, tick_now(sampler), &sampler->untraced,
		       values, now_ns);
}

void sampler_sample_process(struct sampler *sampler, const struct sampler_pool *pool,
			    uint64_t now_ns)
{
	sample_recording(sampler, sampler->segment->shared, now_ns);
	sample_pool(sampler, pool, now_ns);
	sample_untraced(sampler, sampler->segment->shared, now_ns);
}

void sampler_sample_stalls(struct sampler *sampler, union sampler_values totals, uint64_t now_ns)
{
	sample_changed(sampler, TRACE_SAMPLE_STALLS, 0, tick_now(sampler), &sampler->stalls, totals,
		       now_ns);
}

void sampler_sample_exit(struct sampler *sampler, int status, uint64_t now_ns)
{
	union sampler_values values = {.file = {0}};

	if (WIFSIGNALED(status))
		values.exit.signal = (uint64_t)WTERMSIG(status);
	else
		values.exit.code = (uint64_t)WEXITSTATUS(status);
	sample_put(sampler, TRACE_SAMPLE_EXIT, 0, tick_now(sampler), &values, now_ns);
}
