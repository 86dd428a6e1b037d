/* SPDX-License-Identifier: Apache-2.0
 *
 * See machine.h.
 */
#include "machine.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring/clock.h"
#include "ring/shared.h"
#include "files/proc_file.h"

#define LINES_BYTES 4096	/* a longer line ends the reading */
#define JIFFY_NS    10000000ull /* of /proc/stat: USER_HZ is 100 on both architectures */

/* ---- Lines
 * ---------------------------------------------------------------------------------------------- */

/* False ends the reading. */
typedef bool (*line_visit)(char *line, void *arg);

/* How many bytes of whole lines there were; -1: enough. */
static ssize_t lines_visit(char *buffer, size_t bytes, line_visit visit, void *arg)
{
	size_t at = 0;
	char *newline;

	while ((newline = memchr(buffer + at, '\n', bytes - at))) {
		*newline = '\0';
		if (!visit(buffer + at, arg))
			return -1;
		at = (size_t)(newline + 1 - buffer);
	}
	return (ssize_t)at;
}

static void lines_read(const char *path, line_visit visit, void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[LINES_BYTES];
	size_t filled = 0;
	ssize_t bytes, used;

	if (fd < 0)
		return;
	while ((bytes = read(fd, buffer + filled, sizeof(buffer) - filled)) > 0) {
		filled += (size_t)bytes;
		used = lines_visit(buffer, filled, visit, arg);
		if (used <= 0)
			break;
		filled -= (size_t)used;
		memmove(buffer, buffer + used, filled);
	}
	close(fd);
}

/* "name 123": the number behind a name that stands at the line's start. */
static bool line_number(const char *line, const char *name, uint64_t *number)
{
	size_t bytes = strlen(name);

	if (strncmp(line, name, bytes) != 0)
		return false;
	*number = strtoull(line + bytes, NULL, 10);
	return true;
}

/* ---- Where the cgroup lies
 * ------------------------------------------------------------------------------ */

struct cgroup_search {
	char path[MACHINE_PATH_BYTES]; /* of the cgroup in its hierarchy */
	char top[MACHINE_PATH_BYTES];  /* where the hierarchy is mounted */
	char root[MACHINE_PATH_BYTES]; /* what part of it */
	bool found, is_v1;
};

/* Whether a list of names, separated by commas, has this one. */
static bool list_has(const char *list, const char *name)
{
	size_t bytes = strlen(name);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, name, bytes) == 0 && (list[bytes] == ',' || list[bytes] == '\0'))
			return true;
	return false;
}

/* "4:cpu,cpuacct:/path" or "0::/path". The controller is in one hierarchy only: where v1 has it, v2
 * has not. */
static bool visit_cgroup(char *line, void *arg)
{
	struct cgroup_search *search = arg;
	char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

	if (!path || strlen(path + 1) >= sizeof(search->path))
		return true;
	*path = '\0';
	search->is_v1 = list_has(list + 1, "cpu");
	if (search->is_v1 || list[1] == '\0') {
		strcpy(search->path, path + 1);
		search->found = true;
	}
	return !search->is_v1;
}

/* "31 23 0:28 ROOT TOP rw,relatime ... - TYPE SOURCE OPTIONS" */
static bool visit_mount(char *line, void *arg)
{
	struct cgroup_search *search = arg;
	char *behind = strstr(line, " - "), type[16], options[128];
	char root[MACHINE_PATH_BYTES], top[MACHINE_PATH_BYTES];

	if (!behind || sscanf(behind, " - %15s %*s %127s", type, options) != 2 ||
	    sscanf(line, "%*s %*s %*s %511s %511s", root, top) != 2)
		return true;
	if (strcmp(type, search->is_v1 ? "cgroup" : "cgroup2") != 0 ||
	    (search->is_v1 && !list_has(options, "cpu")))
		return true;
	strcpy(search->root, root);
	strcpy(search->top, top);
	return false;
}
_Static_assert(MACHINE_PATH_BYTES == 512, "visit_mount() reads 511 characters");

/* The cgroup's path below the part that is mounted; outside of that part, in a container, the part
 * itself. */
static const char *path_below(const struct cgroup_search *search)
{
	size_t bytes = strlen(search->root);

	if (strcmp(search->root, "/") == 0)
		return search->path;
	return strncmp(search->path, search->root, bytes) == 0 ? search->path + bytes : "";
}

/* ---- Its quota
 * ------------------------------------------------------------------------------------------ */

/* The first line of a file of the cgroup. */
static bool cgroup_read(const char *dir, const char *name, char *text, size_t bytes)
{
	char path[MACHINE_PATH_BYTES + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return proc_file_read(path, text, bytes) > 0;
}

/* In thousandths of a CPU; 0: none. "50000 100000" or "max 100000", in v1 two files, -1 where there
 * is none. */
static uint32_t quota_read(const char *dir)
{
	char text[64];
	long long quota = -1, period = 0;

	if (cgroup_read(dir, "cpu.max", text, sizeof(text))) {
		sscanf(text, "%lld %lld", &quota, &period);
	} else if (cgroup_read(dir, "cpu.cfs_quota_us", text, sizeof(text))) {
		quota = strtoll(text, NULL, 10);
		period = cgroup_read(dir, "cpu.cfs_period_us", text, sizeof(text))
			     ? strtoll(text, NULL, 10)
			     : 0;
	}
	return quota > 0 && period > 0 && quota < 1ll << 40 ? (uint32_t)(quota * 1000 / period) : 0;
}

bool machine_find_cgroup(const char *cgroups_path, const char *mounts_path,
			 struct machine_cgroup *cgroup)
{
	struct cgroup_search search = {0};
	size_t top_bytes;

	*cgroup = (struct machine_cgroup){0};
	lines_read(cgroups_path, visit_cgroup, &search);
	if (search.found)
		lines_read(mounts_path, visit_mount, &search);
	top_bytes = strlen(search.top);
	if (top_bytes == 0 || top_bytes + strlen(path_below(&search)) >= sizeof(cgroup->dir))
		return false;
	strcpy(cgroup->dir, search.top);
	strcpy(cgroup->dir + top_bytes, path_below(&search));
	while (!(cgroup->quota = quota_read(cgroup->dir)) && strlen(cgroup->dir) > top_bytes)
		*strrchr(cgroup->dir, '/') = '\0';
	if (!cgroup->quota)
		cgroup->dir[0] = '\0';
	return true;
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
	lines_read(path, visit_throttling, throttling);
	return throttling->known;
}

/* ---- The machine
 * ---------------------------------------------------------------------------------------- */

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
	lines_read(path, visit_stat, time);
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

	lines_read(path, visit_status, &switches);
	*voluntary = switches.voluntary;
	*involuntary = switches.involuntary;
	return switches.found;
}

/* ---- An event
 * ------------------------------------------------------------------------------------------- */

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
