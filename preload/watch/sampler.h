/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples: CPU time, run-queue wait and context switches of the workers, queue depths, the thread
 * pool, the recording switch, and the machine. They come from /proc and from counters that the
 * hooks keep, so no worker pays a system call for them.
 *
 * Rules: only changed values are written, at most once per tick of the drain. What costs more to
 * read (context switches, the machine) is read at most once a second, and not for an idle program.
 * A segment begins with the machine's samples and ends with a sample of each worker.
 */
#ifndef SAMPLER_H
#define SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "observe/machine.h"
#include "segment/segment.h"

/* The values of a sample: `file` is what the format calls them, the others are what they mean.
 * Those that a sample has no meaning for are 0. */
union sampler_values {
	struct {
		uint64_t a, b, c, d;
	} file;
	struct {
		uint64_t requests, handles, ready;
	} queue;
	struct {
		uint64_t queued, running, threads;
	} pool;
	struct {
		uint64_t cpu_ns, wait_ns, slices;
	} cpu;
	struct {
		uint64_t on;
	} recording;
	struct {
		uint64_t callbacks, threads, events, marks;
	} untraced;
	struct {
		uint64_t voluntary, involuntary;
	} switches;
	struct {
		uint64_t periods, throttled, throttled_ns;
	} cgroup;
	struct {
		uint64_t busy_ns, idle_ns, steal_ns;
	} machine;
	struct {
		uint64_t all, allowed, quota;
	} cpus;
	struct {
		uint64_t event_ps;
	} price;
	struct {
		uint64_t taken, left_out, blind;
	} stalls;
	struct {
		uint64_t code, signal;
	} exit;
};

/* Fills in `cpu`: CPU time, run-queue wait, time slices. False once the thread is gone. */
bool sampler_read_cpu(uint32_t pid, uint32_t tid, union sampler_values *values);

/* One for each worker. */
struct sampler_worker {
	uint32_t worker;
	uint32_t tid;
	bool is_loop;
	union sampler_values cpu;
	union sampler_values queue;
	union sampler_values switches;
};

/* The pool as a whole: sums over all rings, dead ones included. */
struct sampler_pool {
	uint64_t submitted, cancelled, finished;
	uint64_t running;
	uint64_t threads;
};

struct sampler {
	struct segment *segment;
	union sampler_values pool;
	union sampler_values untraced;
	union sampler_values throttling, machine, cpus;
	struct machine_cgroup cgroup;
	uint64_t event_price_ps;
	union sampler_values stalls;
};

void sampler_init(struct sampler *sampler, struct segment *segment);

/* A segment was begun. */
void sampler_begin_segment(struct sampler *sampler, uint64_t now_ns);

/* A worker that has no samples yet; its CPU time counts from what it had used before. Of one that
 * is no longer alive nothing is read. */
void sampler_begin_worker(struct sampler *sampler, struct sampler_worker *worker,
			  const struct shared_ring *ring, bool is_alive, uint64_t now_ns);

/* A worker that recorded something since the last tick. */
void sampler_sample_worker(struct sampler *sampler, struct sampler_worker *worker,
			   const struct shared_ring *ring, uint64_t now_ns);

/* The same for what is read less often. */
void sampler_sample_switches(struct sampler *sampler, struct sampler_worker *worker,
			     uint64_t now_ns);
void sampler_sample_machine(struct sampler *sampler, uint64_t now_ns);

/* The name that a thread has now: its length. 0, and `name` as it was: that cannot be read. */
uint8_t sampler_read_name(uint32_t pid, uint32_t tid, char name[16]);

/* The segment ends: a worker that lives. Of one whose program was killed nothing more is known. */
void sampler_seal_worker(struct sampler *sampler, struct sampler_worker *worker, uint64_t now_ns);

/* A worker whose thread is gone. */
void sampler_end_worker(struct sampler *sampler, struct sampler_worker *worker,
			const struct shared_ring *ring, uint64_t now_ns);

void sampler_sample_process(struct sampler *sampler, const struct sampler_pool *pool,
			    uint64_t now_ns);

/* How the program ended: its status as wait() gives it. */
void sampler_sample_exit(struct sampler *sampler, int status, uint64_t now_ns);

/* What the watchdog has done so far. */
void sampler_sample_stalls(struct sampler *sampler, union sampler_values totals, uint64_t now_ns);

#endif
