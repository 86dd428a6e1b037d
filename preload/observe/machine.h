/* SPDX-License-Identifier: Apache-2.0
 *
 * What the machine gives a program: the CPUs it may use, throttling by its cgroup's quota, steal by
 * a hypervisor, and the cost of one recorded event. From /proc and the cgroup file systems, v1 and
 * v2.
 *
 * Rules: nothing is kept open. What cannot be read is unknown, never 0.
 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define MACHINE_PATH_BYTES 512

/* The cgroup whose quota holds for a process: the nearest that has one, from its own upwards. */
struct machine_cgroup {
	char dir[MACHINE_PATH_BYTES]; /* "": none has one */
	uint32_t quota;		      /* in thousandths of a CPU */
};

struct machine_throttling {
	bool known;
	uint64_t periods, throttled, throttled_ns;
};

/* Of all CPUs together, since the machine started. */
struct machine_time {
	uint64_t busy_ns, idle_ns, steal_ns;
};

/* By the lines of /proc/PID/cgroup and of /proc/self/mountinfo, or of files like them. False: it is
 * in none. */
bool machine_find_cgroup(const char *cgroups_path, const char *mounts_path,
			 struct machine_cgroup *cgroup);

bool machine_read_throttling(const struct machine_cgroup *cgroup,
			     struct machine_throttling *throttling);

/* By the first line of /proc/stat, or of a file like it. */
bool machine_read_time(const char *path, struct machine_time *time);

/* CPUs that are there, and those that the process may run on; 0: not known. */
void machine_read_cpus(uint32_t pid, uint64_t *all, uint64_t *allowed);

/* Voluntary and involuntary context switches, by the lines of /proc/PID/task/TID/status, or of a
 * file like it. */
bool machine_read_switches(const char *path, uint64_t *voluntary, uint64_t *involuntary);

/* What recording an event costs, in picoseconds: a read of that clock and the stores that follow
 * it, in the best of some rounds. Takes a few microseconds. */
uint64_t machine_event_price_ps(uint32_t clock);

#endif
