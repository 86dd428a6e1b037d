/* SPDX-License-Identifier: Apache-2.0
 *
 * Little memory: a cgroup's limit, which what is recorded counts against, and a /dev/shm that is
 * small. The program lives, recording goes on, and what is lost is counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/shared.h"
#include "faults.h"

#define BUDGET_BYTES (4u << 20) /* of all rings, by a limit of 64 MiB */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Cgroups --------------------------------------------------------------------------------- */

static const struct {
	const char *root, *limit;
} memory_cgroups[] = {{"/sys/fs/cgroup", "memory.max"},
		      {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};

static bool write_to(const char *dir, const char *name, const char *text)
{
	char path[256];
	int fd;
	bool written;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return written;
}

/* Those of the test that runs this process. */
static void cgroup_path(char path[128], size_t i, const char *limit)
{
	snprintf(path, 128, "%s/uvtrace-little.%s.%d", memory_cgroups[i].root, limit,
		 (int)getppid());
}

/* The new process goes into a cgroup with this limit; not 0: there can be none here. */
static int limited(const char *limit)
{
	char dir[128];

	for (size_t i = 0; i < COUNT(memory_cgroups); i++) {
		cgroup_path(dir, i, limit);
		if ((mkdir(dir, 0755) == 0 || errno == EEXIST) &&
		    write_to(dir, memory_cgroups[i].limit, limit) &&
		    write_to(dir, "cgroup.procs", "0"))
			return 0;
		rmdir(dir);
	}
	return -1;
}

static int limited_to_64_mib(void)
{
	return limited("67108864");
}

static bool can_be_limited(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(limited_to_64_mib() != 0);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void remove_cgroups(void)
{
	char command[200];

	for (size_t i = 0; i < COUNT(memory_cgroups); i++) {
		snprintf(command, sizeof(command), "rmdir %s/uvtrace-little.*.%d 2>/dev/null",
			 memory_cgroups[i].root, (int)getpid());
		for (int tries = 0; tries < 100 && system(command) == 0; tries++)
			fault_sleep_us(10000);
	}
}

TestSuite(fault_memory, .fini = remove_cgroups, .timeout = 240);

FAULT(fault_memory, hundred_busy_threads_in_64_mib, .program = "fault_scale",
      .args = {"busy", "100"}, .prepare = limited_to_64_mib,
      .flags = FAULT_ROOT | FAULT_KERNEL | FAULT_LOSES | FAULT_THREAD_LEAVES_RING)
FAULT(fault_memory, two_hundred_and_fifty_busy_threads_in_64_mib, .program = "fault_scale",
      .args = {"busy", "250"}, .prepare = limited_to_64_mib,
      .flags = FAULT_ROOT | FAULT_KERNEL | FAULT_LOSES | FAULT_THREAD_LEAVES_RING)

/* ---- What dead programs left ----------------------------------------------------------------- */

#define LEFT_BYTES (1u << 20)

/* In a /dev/shm of its own: the ring of a program that is dead, which nobody can recover. */
static int limited_and_a_ring_left(void)
{
	char path[64];
	pid_t dead = fork();
	int fd;

	if (dead == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", SHARED_DIR, "tmpfs", 0, "size=64m"))
		return -1;
	snprintf(path, sizeof(path), SHARED_DIR "/" SHARED_PREFIX "%d.left", (int)dead);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, LEFT_BYTES))
		return -1;
	close(fd);
	return limited_to_64_mib();
}

/* NULL: there is none, or the program has not given it its size yet. */
static const struct shared *ring_of(pid_t pid)
{
	char pattern[96];
	glob_t rings = {0};
	struct stat status;
	void *memory = MAP_FAILED;
	int fd = -1;

	snprintf(pattern, sizeof(pattern), "/proc/%d/root" SHARED_DIR "/" SHARED_PREFIX "%d.*",
		 (int)pid, (int)pid);
	if (glob(pattern, 0, NULL, &rings) == 0)
		fd = open(rings.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&rings);
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size >= (off_t)sizeof(struct shared))
		memory = mmap(NULL, sizeof(struct shared), PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static bool has_begun(void *arg)
{
	const struct shared *shared = ring_of(*(pid_t *)arg);

	return shared && atomic_load(&shared->drain_state) >= DRAIN_RUNNING;
}

static bool is_held_no_more(void *arg)
{
	return ((const struct shared *)arg)->held_bytes == 0;
}

/* As much as dead programs have taken is not the next one's to take, until its helper has looked
 * for what can be removed. A thread does not look. */
Test(fault_memory, memory_of_dead_programs_is_held)
{
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		struct run run = {.program = build_path("fixtures/fault_end"),
				  .args = {"load"},
				  .env = {fault_mode_settings[mode]},
				  .prepare = limited_and_a_ring_left};
		const struct shared *shared;
		struct session session;
		uint64_t grow;

		if (geteuid() != 0 || !can_be_limited())
			cr_skip_test("no memory can be limited here");
		harness_enter();
		session = session_start(&run);
		cr_assert(wait_until(has_begun, &session.pid));
		shared = ring_of(session.pid);
		grow = BUDGET_BYTES - (uint64_t)shared->ring_count * shared->step_bytes;
		if (mode == FAULT_PROCESS)
			cr_expect(wait_until(is_held_no_more, (void *)shared));
		else
			cr_expect_eq(shared->held_bytes, LEFT_BYTES);
		cr_expect_eq(atomic_load(&shared->grow_bytes), grow - shared->held_bytes);
		kill(session.pid, SIGKILL);
		session_end(&session);
		harness_leave();
	}
}

/* ---- /dev/shm -------------------------------------------------------------------------------- */

static int shm_of_a_megabyte(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/dev/shm", "tmpfs", 0, "size=1m");
}

/* The header fits without the memory of most sites, and one small ring. */
static int shm_without_room_for_sites(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/dev/shm", "tmpfs", 0, "size=300k");
}

/* Ten times as much as a ring can be there, and nothing lost: each time the drain has come by. */
#define TURNS                                                                                      \
	{                                                                                          \
		"turn", "flush", "turn", "flush", "turn", "flush", "turn", "flush", "turn",        \
		    "flush", "turn", "flush", "turn", "flush", "turn"                              \
	}

FAULT(fault_memory, small_shm, .program = "fault_place", .args = TURNS,
      .prepare = shm_of_a_megabyte, .flags = FAULT_ROOT,
      .says = {"little memory for rings: ", "little memory for rings: "})
FAULT(fault_memory, full_shm, .program = "fault_place", .args = TURNS,
      .env = {"UVTRACE_RING_TOTAL=64M"}, .prepare = shm_of_a_megabyte, .flags = FAULT_ROOT,
      .says = {"no more memory for rings in /dev/shm", "no more memory for rings in /dev/shm"})
FAULT(fault_memory, shm_full_of_sites, .program = "fault_scale", .args = {"callbacks", "4000"},
      .prepare = shm_without_room_for_sites, .flags = FAULT_ROOT | FAULT_LOSES,
      .says = {"little memory for rings: ", "little memory for rings: "})
