/* SPDX-License-Identifier: Apache-2.0
 *
 * What the arguments of a system call mean in which a thread sleeps (stall_probe.h): the file of a
 * descriptor, a path, a duration, the owner of a lock. Uses trace_syscalls.def.
 */
#include "stall_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ring/clock.h"
#include "files/proc_file.h"
#include "socket_peer.h"

#define SECOND_NS 1000000000

enum role {
	ROLE_NONE,
	ROLE_FD,
	ROLE_PATH,
	ROLE_AT_PATH,
	ROLE_POLL,
	ROLE_FUTEX,
	ROLE_TIME,
	ROLE_CLOCK_TIME,
	ROLE_PROCESS
};

static const struct {
	int16_t x86_64, aarch64;
	uint8_t role;
} syscalls[] = {
#define SYSCALL(name, x86_64, aarch64, role) {x86_64, aarch64, ROLE_##role},
#include "format/trace_syscalls.def"
#undef SYSCALL
};

#if defined(__x86_64__)
#define NUMBER x86_64
#else
#define NUMBER aarch64
#endif

static uint8_t role_of(int64_t number)
{
	for (size_t i = 0; i < sizeof(syscalls) / sizeof(syscalls[0]); i++)
		if (syscalls[i].NUMBER == number && number >= 0)
			return syscalls[i].role;
	return ROLE_NONE;
}

/* "fd 7 = /var/lib/x.db", "fd 9 = 127.0.0.9:53 (udp)" */
static void say_fd(const struct probe_target *at, struct probe *probe, uint64_t fd)
{
	char path[64], target[PROBE_OBJECT_BYTES - 32];
	ssize_t bytes;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/fd/%d", at->pid, at->tid, (int)fd);
	bytes = readlink(path, target, sizeof(target) - 1);
	target[bytes > 0 ? bytes : 0] = '\0';
	uint64_t inode;
	if (sscanf(target, "socket:[%" SCNu64, &inode) == 1)
		socket_peer(at->pid, inode, target, sizeof(target));
	snprintf(probe->object, sizeof(probe->object), bytes > 0 ? "fd %d = %s" : "fd %d", (int)fd,
		 target);
}

/* The text may end at a page that is not there: what can be read counts. */
static void say_path(const struct probe_target *at, struct probe *probe, uint64_t address)
{
	char text[PROBE_OBJECT_BYTES - 2];
	int64_t bytes = stall_probe_read(at->pid, address, text, sizeof(text));

	if (bytes < 0) /* perhaps because of the page behind it */
		bytes = stall_probe_read(
		    at->pid, address, text,
		    4096 - address % 4096 < sizeof(text) ? 4096 - address % 4096 : 1);
	if (bytes > 0)
		snprintf(probe->object, sizeof(probe->object), "%.*s",
			 (int)strnlen(text, (size_t)bytes), text);
}

/* The first of the descriptors that it waits for, and how many there are. */
static void say_poll(const struct probe_target *at, struct probe *probe)
{
	struct pollfd first;

	if (probe->arguments[1] == 0 ||
	    stall_probe_read(at->pid, probe->arguments[0], &first, sizeof(first)) != sizeof(first))
		return;
	say_fd(at, probe, (uint64_t)first.fd);
	if (probe->arguments[1] > 1) {
		size_t used = strlen(probe->object);

		snprintf(probe->object + used, sizeof(probe->object) - used, " and %u more",
			 (unsigned int)probe->arguments[1] - 1);
	}
}

static bool time_read(const struct probe_target *at, uint64_t address, struct timespec *time)
{
	return stall_probe_read(at->pid, address, time, sizeof(*time)) == sizeof(*time) &&
	       time->tv_nsec >= 0 && time->tv_nsec < SECOND_NS;
}

static void say_time(const struct probe_target *at, struct probe *probe, uint64_t address)
{
	struct timespec time;

	if (time_read(at, address, &time))
		snprintf(probe->object, sizeof(probe->object), "%lld.%03ld s",
			 (long long)time.tv_sec, time.tv_nsec / 1000000);
}

/* Until a time of this clock; Python sleeps like this. */
static void say_end(const struct probe_target *at, struct probe *probe, clockid_t clock,
		    uint64_t address)
{
	struct timespec end, now;
	bool is_known =
	    clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
	long ns;

	if (!is_known || !time_read(at, address, &end) || clock_gettime_real(clock, &now) != 0 ||
	    end.tv_sec < now.tv_sec)
		return;
	ns = end.tv_nsec - now.tv_nsec;
	if (ns < 0 && end.tv_sec-- > now.tv_sec)
		ns += SECOND_NS;
	if (ns >= 0)
		snprintf(probe->object, sizeof(probe->object), "%lld.%03ld s more",
			 (long long)(end.tv_sec - now.tv_sec), ns / 1000000);
}

static void name_read(uint32_t pid, uint32_t tid, char *name, size_t bytes)
{
	int got = proc_file_read_task(pid, tid, "comm", name, bytes);

	name[got > 0 ? got - 1 : 0] = '\0'; /* without the line's end */
}

/* A mutex of glibc's begins with the futex and says two words later which thread has it. It is one
 * only where the futex says that somebody waits, and that thread is there. */
static void say_blocker(const struct probe_target *at, struct probe *probe)
{
	struct {
		uint32_t lock, count, owner, users;
	} mutex;

	if (stall_probe_read(at->pid, probe->arguments[0], &mutex, sizeof(mutex)) !=
		sizeof(mutex) ||
	    mutex.owner == at->tid || mutex.owner == 0 ||
	    (mutex.lock != 2 && (mutex.lock & FUTEX_TID_MASK) != mutex.owner))
		return;
	name_read(at->pid, mutex.owner, probe->object, sizeof(probe->object));
	if (probe->object[0])
		probe->blocker = mutex.owner;
}

static void say_process(struct probe *probe)
{
	int pid = (int)probe->arguments[0];
	char name[64];

	if (pid <= 0)
		return;
	name_read((uint32_t)pid, (uint32_t)pid, name, sizeof(name));
	snprintf(probe->object, sizeof(probe->object), name[0] ? "pid %d, %s" : "pid %d", pid,
		 name);
}

void stall_probe_object(const struct probe_target *at, struct probe *probe)
{
	switch (role_of(probe->syscall)) {
	case ROLE_FD:
		say_fd(at, probe, probe->arguments[0]);
		break;
	case ROLE_PATH:
		say_path(at, probe, probe->arguments[0]);
		break;
	case ROLE_AT_PATH:
		say_path(at, probe, probe->arguments[1]);
		break;
	case ROLE_POLL:
		say_poll(at, probe);
		break;
	case ROLE_FUTEX:
		say_blocker(at, probe);
		break;
	case ROLE_TIME:
		say_time(at, probe, probe->arguments[0]);
		break;
	case ROLE_CLOCK_TIME:
		if (probe->arguments[1] & TIMER_ABSTIME)
			say_end(at, probe, (clockid_t)probe->arguments[0], probe->arguments[2]);
		else
			say_time(at, probe, probe->arguments[2]);
		break;
	case ROLE_PROCESS:
		say_process(probe);
		break;
	}
}
