/* SPDX-License-Identifier: Apache-2.0
 *
 * See machine.h.
 */
#include "machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/clock.h"
#include "ring/shared.h"
#include "cgroup.h"
#include "files/proc_file.h"

#define JIFFY_NS 10000000ull /* of /proc/stat: USER_HZ is 100 on both architectures */

/* "name 123": the number behind a name that stands at the line's start. */
static bool line_number(const char *line, const char *name, uint64_t *number)
{
	size_t bytes = strlen(name);

	if (strncmp(line, name, bytes) != 0)
		return false;
	*number = strtoull(line + bytes, NULL, 10);
	return true;
}

/* ---- The quota of a cgroup ---- */

/* In thousandths of a CPU; 0: none. "50000 100000" or "max 100000", in v1 two files, -1 where there
 * is none. */
static uint32_t quota_read(const struct cgroup *cgroup)
{
	char text[64];
	long long quota = -1, period = 0;

	if (cgroup_read(cgroup, "cpu.max", text, sizeof(text))) {
		sscanf(text, "%lld %lld", &quota, &period);
	} else if (cgroup_read(cgroup, "cpu.cfs_quota_us", text, sizeof(text))) {
		quota = strtoll(text, NULL, 10);
		period = cgroup_read(cgroup, "cpu.cfs_period_us", text, sizeof(text))
			     ? strtoll(text, NULL, 10)
			     : 0;
	}
	return quota > 0 && period > 0 && quota < 1ll << 40 ? (uint32_t)(quota * 1000 / period) : 0;
}

struct quota_search {
	struct machine_cgroup *nearest; /* that has a quota */
	bool found;
};

/* The controller is in one hierarchy only: where v1 has it, v2 has not. */
static bool visit_hierarchy(struct cgroup *cgroup, void *arg)
{
	struct quota_search *search = arg;

	if ((search->found && !cgroup->is_v1) || strlen(cgroup->dir) >= MACHINE_PATH_BYTES)
		return true;
	search->found = true;
	*search->nearest = (struct machine_cgroup){0};
	while (!(search->nearest->quota = quota_read(cgroup)) && cgroup_up(cgroup))
		;
	if (search->nearest->quota)
		strcpy(search->nearest->dir, cgroup->dir);
	return !cgroup->is_v1;
}

bool machine_find_cgroup(const char *cgroups_path, const char *mounts_path,
			 struct machine_cgroup *cgroup)
{
	struct quota_search search = {.nearest = cgroup};

	*cgroup = (struct machine_cgroup){0};
	cgroup_each(cgroups_path, mounts_path, "cpu", visit_hierarchy, &search);
	return search.found;
}

static bool visit_throttling(char *line, void *arg)
{
	struct machine_throttling *throttling = arg;
	uint64_t number;

	if (line_number(line, "nr_periods ", &number)) {
		throttling->periods = number;
		throttling->known = true;
	} else if (line_number(line, "nr_throttled ", &number))
		throttling->throttled = number;
	else if (line_number(line, "throttled_time ", &number)) /* v1 */
		throttling->throttled_ns = number;
	else if (line_number(line, "throttled_usec ", &number))
		throttling->throttled_ns = number * 1000;
	return true;
}

bool machine_read_throttling(const struct machine_cgroup *cgroup,
			     struct machine_throttling *throttling)
{
	char path[sizeof(cgroup->dir) + 16];

	*throttling = (struct machine_throttling){0};
	if (!cgroup->dir[0])
		return false;
	snprintf(path, sizeof(path), "%s/cpu.stat", cgroup->dir);
	proc_file_lines(path, visit_throttling, throttling);
	return throttling->known;
}

/* ---- The machine ----------------------------------------------------------------------------- */

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; guests are in user and
 * nice already. */
static bool visit_stat(char *line, void *arg)
{
	struct machine_time *time = arg;
	unsigned long long user, nice, kernel, idle, iowait, irq, softirq, steal;

	if (sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &kernel,
		   &idle, &iowait, &irq, &softirq, &steal) == 8)
		*time = (struct machine_time){
		    .busy_ns = (user + nice + kernel + irq + softirq) * JIFFY_NS,
		    .idle_ns = (idle + iowait) * JIFFY_NS,
		    .steal_ns = steal * JIFFY_NS,
		};
	return false;
}

bool machine_read_time(const char *path, struct machine_time *time)
{
	*time = (struct machine_time){0};
	proc_file_lines(path, visit_stat, time);
	return time->busy_ns > 0;
}

void machine_read_cpus(uint32_t pid, uint64_t *all, uint64_t *allowed)
{
	cpu_set_t cpus[16]; /* more than 1024 CPUs, too */
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	*all = online > 0 ? (uint64_t)online : 0;
	*allowed = sched_getaffinity((pid_t)pid, sizeof(cpus), cpus) == 0
		       ? (uint64_t)CPU_COUNT_S(sizeof(cpus), cpus)
		       : 0;
}

struct switches {
	uint64_t voluntary, involuntary;
	bool found;
};

static bool visit_status(char *line, void *arg)
{
	struct switches *switches = arg;

	switches->found |= line_number(line, "nonvoluntary_ctxt_switches:", &switches->involuntary);
	line_number(line, "voluntary_ctxt_switches:", &switches->voluntary);
	return !switches->found;
}

bool machine_read_switches(const char *path, uint64_t *voluntary, uint64_t *involuntary)
{
	struct switches switches = {0};

	proc_file_lines(path, visit_status, &switches);
	*voluntary = switches.voluntary;
	*involuntary = switches.involuntary;
	return switches.found;
}

/* ---- An event -------------------------------------------------------------------------------- */

#define PRICE_ROUNDS 8
#define PRICE_EVENTS 64

/* What thread_put() does, on memory that is nobody's; returns ns. */
static uint64_t price_round(uint32_t clock, struct record *records, _Atomic uint64_t *head)
{
	uint64_t before = clock_mono_ns();

	for (uint64_t i = 0; i < PRICE_EVENTS; i++) {
		volatile struct record *record = &records[i];

		record->counter = clock_read(clock);
		record->word = i;
		atomic_store_explicit(head, i + 1, memory_order_release);
	}
	return clock_mono_ns() - before;
}

uint64_t machine_event_price_ps(uint32_t clock)
{
	struct record records[PRICE_EVENTS];
	_Atomic uint64_t head = 0;
	uint64_t best_ns = UINT64_MAX;

	for (int i = 0; i < PRICE_ROUNDS; i++) {
		uint64_t ns = price_round(clock, records, &head);

		best_ns = ns < best_ns ? ns : best_ns;
	}
	return best_ns * 1000 / PRICE_EVENTS;
}
