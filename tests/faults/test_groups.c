/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends that come from outside and reach more than the program: its process group, its terminal, its
 * cgroup; and a helper that stands still, or whose program became another one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

#define LOAD_US 20000

TestSuite(fault_groups, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static struct session start_load(enum fault_mode mode, int (*prepare)(void))
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"load"},
			  .env = {fault_mode_settings[mode], "UVTRACE_RING_SIZE=16M"},
			  .prepare = prepare};
	struct session session = session_start(&run);

	fault_sleep_us(10 * LOAD_US);
	return session;
}

static void check_all_is_there(bool rings_stay, const char *what)
{
	struct fault_truth truth = fault_truth_read();

	cr_assert_gt(truth.processes[0].started, 0);
	fault_check_gone(&truth, rings_stay, what);
	fault_check_trace(&truth, FAULT_DIES, 0, what);
	fault_remove_rings(&truth);
}

static int own_group(void)
{
	return setpgid(0, 0);
}

static void check_group(enum fault_mode mode)
{
	struct session session = start_load(mode, own_group);

	cr_assert_eq(kill(-session.pid, SIGKILL), 0);
	cr_assert_eq(session_end(&session), 128 + SIGKILL);
	check_all_is_there(mode == FAULT_THREAD, "group");
}

Test(fault_groups, process_group_is_killed)
{
	check_group(FAULT_PROCESS);
}

Test(fault_groups, process_group_is_killed_in_thread_mode)
{
	check_group(FAULT_THREAD);
}

static char terminal[64];

static int own_terminal(void)
{
	int fd;

	if (setsid() < 0)
		return -1;
	fd = open(terminal, O_RDWR);
	return fd < 0 || ioctl(fd, TIOCSCTTY, 0) || dup2(fd, 0) < 0 || close(fd);
}

static void check_terminal(enum fault_mode mode)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct session session;

	if (master < 0 || grantpt(master) || unlockpt(master))
		cr_skip_test("no terminals here");
	snprintf(terminal, sizeof(terminal), "%s", ptsname(master));
	session = start_load(mode, own_terminal);
	cr_assert_eq(write(master, "\x03", 1), 1);
	cr_assert_eq(session_end(&session), 128 + SIGINT);
	check_all_is_there(mode == FAULT_THREAD, "Ctrl-C");
	close(master);
}

Test(fault_groups, interrupt_from_the_terminal)
{
	check_terminal(FAULT_PROCESS);
}

Test(fault_groups, interrupt_from_the_terminal_in_thread_mode)
{
	check_terminal(FAULT_THREAD);
}

static const char *const cgroup_roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
static char cgroup[128];

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[192];
	int fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

static int enter_cgroup(void)
{
	return write_file(cgroup, "cgroup.procs", "0");
}

static bool make_cgroup(void)
{
	for (size_t i = 0; i < sizeof(cgroup_roots) / sizeof(cgroup_roots[0]); i++) {
		char file[192];

		snprintf(cgroup, sizeof(cgroup), "%s/uvtrace-test.%d", cgroup_roots[i],
			 (int)getpid());
		snprintf(file, sizeof(file), "%s/cgroup.kill", cgroup);
		if (mkdir(cgroup, 0755) == 0 && access(file, W_OK) == 0)
			return true;
		rmdir(cgroup);
	}
	return false;
}

/* Program and helper are killed at once, by the kernel: what had not been written is in the ring.
 */
static void check_cgroup(enum fault_mode mode)
{
	struct session session;

	if (!make_cgroup())
		cr_skip_test("no cgroup can be made here");
	session = start_load(mode, enter_cgroup);
	cr_expect_eq(write_file(cgroup, "cgroup.kill", "1"), 0);
	cr_expect_eq(session_end(&session), 128 + SIGKILL);
	check_all_is_there(true, "cgroup");
	for (int tries = 0; tries < 100 && rmdir(cgroup) != 0; tries++)
		fault_sleep_us(10000);
}

Test(fault_groups, cgroup_is_killed)
{
	check_cgroup(FAULT_PROCESS);
}

Test(fault_groups, cgroup_is_killed_in_thread_mode)
{
	check_cgroup(FAULT_THREAD);
}

/* Where memory is limited, and what the kernel says of it. */
static const struct {
	const char *root, *limit, *events;
} memory_cgroups[] = {
    {"/sys/fs/cgroup", "memory.max", "memory.events"},
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.oom_control"},
};

/* Its events' file, or NULL. */
static const char *make_memory_cgroup(unsigned bytes)
{
	static char events[192];
	char limit[16];

	snprintf(limit, sizeof(limit), "%u", bytes);
	for (size_t i = 0; i < sizeof(memory_cgroups) / sizeof(memory_cgroups[0]); i++) {
		snprintf(cgroup, sizeof(cgroup), "%s/uvtrace-memory.%d", memory_cgroups[i].root,
			 (int)getpid());
		snprintf(events, sizeof(events), "%s/%s", cgroup, memory_cgroups[i].events);
		if (mkdir(cgroup, 0755) == 0 &&
		    write_file(cgroup, memory_cgroups[i].limit, limit) == 0)
			return events;
		rmdir(cgroup);
	}
	return NULL;
}

#define CGROUP_BYTES (64u << 20)

/* A third one in the cgroup, which takes all that is left: a part of it is in no process, so that
 * it is not larger than whoever is named to go first, and then goes next. */
static pid_t start_eater(void)
{
	pid_t pid = fork();
	char *memory;

	if (pid != 0)
		return pid;
	memory =
	    mmap(NULL, CGROUP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || enter_cgroup() != 0 ||
	    posix_fallocate(memfd_create("eaten", MFD_CLOEXEC), 0, CGROUP_BYTES / 4) != 0)
		_exit(1);
	for (size_t at = 0; at < CGROUP_BYTES; at += 4096)
		memory[at] = 1;
	_exit(0);
}

/* The kernel kills the helper for want of memory, then who takes it: another helper takes over, and
 * everything is there. */
Test(fault_groups, helper_is_out_of_memory)
{
	const char *events = make_memory_cgroup(CGROUP_BYTES);
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"until_killed", events},
			  .env = {"UVTRACE_RING_SIZE=8M", "UVTRACE_RING_TOTAL=64M"},
			  .prepare = enter_cgroup};
	struct session session;
	pid_t helper, eater;
	char dir[64];

	if (!events)
		cr_skip_test("no memory can be limited here");
	session = session_start(&run);
	helper = fault_wait_for_helper(session.pid);
	snprintf(dir, sizeof(dir), "/proc/%d", (int)helper);
	cr_assert_eq(write_file(dir, "oom_score_adj", "1000"), 0);
	eater = start_eater();
	cr_assert_eq(session_end(&session), 0);
	cr_expect(fault_has_ended(helper), "it was not the helper that was killed");
	kill(eater, SIGKILL);
	waitpid(eater, NULL, 0);
	check_all_is_there(false, "out of memory");
	cr_expect_eq(count_files("uvtrace.data", ".open"), 0);
	for (int tries = 0; tries < 100 && rmdir(cgroup) != 0; tries++)
		fault_sleep_us(10000);
}

/* As a service manager stops a unit: SIGTERM to everybody in it, which is not meant for the helper.
 */
Test(fault_groups, everybody_is_terminated)
{
	struct session session = start_load(FAULT_PROCESS, own_group);
	pid_t helper = fault_wait_for_helper(session.pid);

	cr_assert_eq(kill(helper, SIGTERM), 0);
	cr_assert_eq(kill(session.pid, SIGTERM), 0);
	cr_assert_eq(session_end(&session), 128 + SIGTERM);
	check_all_is_there(false, "SIGTERM");
}

/* A service manager's stop, as far as the kernel knows of it: SIGTERM to all that the cgroup lists,
 * then its end. */
static void check_stopped_unit(enum fault_mode mode)
{
	struct session session;
	char path[192];
	FILE *list;
	int pid;

	if (!make_cgroup())
		cr_skip_test("no cgroup can be made here");
	session = start_load(mode, enter_cgroup);
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	list = fopen(path, "re");
	cr_assert_not_null(list);
	while (fscanf(list, "%d", &pid) == 1)
		kill(pid, SIGTERM);
	fclose(list);
	cr_expect_eq(session_end(&session), 128 + SIGTERM);
	check_all_is_there(mode == FAULT_THREAD, "stopped unit");
	/* It ends when its last process has: the helper has nothing to wait for any more. */
	for (int tries = 0; tries < 200 && rmdir(cgroup) != 0; tries++)
		fault_sleep_us(10000);
	cr_expect_eq(access(cgroup, F_OK), -1, "somebody is still in the cgroup");
}

Test(fault_groups, unit_is_stopped)
{
	check_stopped_unit(FAULT_PROCESS);
}

Test(fault_groups, unit_is_stopped_in_thread_mode)
{
	check_stopped_unit(FAULT_THREAD);
}

/* Stopped and never continued: after a while another takes over, says so, and what was lost
 * meanwhile is counted. */
Test(fault_groups, helper_stands_still_for_good)
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"pauses", "100"},
			  .env = {"UVTRACE_RING_SIZE=64K"}};
	struct session session = session_start(&run);
	pid_t helper = fault_wait_for_helper(session.pid);
	struct fault_truth truth;
	json_t *report;

	fault_sleep_us(300000);
	cr_assert_eq(kill(helper, SIGSTOP), 0);
	cr_assert_eq(session_end(&session), 0);
	cr_expect(fault_has_ended(helper), "it is still there");
	truth = fault_truth_read();
	fault_check_gone(&truth, false, "stopped for good");
	cr_expect_eq(count_files("uvtrace.data", ".open"), 0);
	fault_check_trace(&truth, FAULT_LOSES, 0, "stopped for good");
	report = fault_analyze(&truth);
	cr_expect_gt(event_number(report, "lost_events"), 0);
	cr_expect_eq(event_number(report, "missing_events"), 0);
	cr_expect_str_eq(event_text(report, "seal_reason"), "exit");
	json_decref(report);
}

/* Where the helper's descriptors lead that are not for its work; `targets` has a line for each. */
static void strange_descriptors(pid_t helper, char *targets, size_t bytes)
{
	char path[64], target[512];
	struct dirent *entry;
	size_t used = 0;
	DIR *fds;

	targets[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)helper);
	fds = opendir(path);
	cr_assert_not_null(fds);
	while ((entry = readdir(fds))) {
		ssize_t got = readlinkat(dirfd(fds), entry->d_name, target, sizeof(target) - 1);

		if (got < 0)
			continue;
		target[got] = '\0';
		if (strcmp(target, "/dev/null") != 0 && !strstr(target, "/maps") &&
		    !strstr(target, "pidfd") && !strstr(target, "/uvtrace.data/trace.") &&
		    used + (size_t)got + 2 < bytes)
			used += (size_t)sprintf(targets + used, "%s\n", target);
	}
	closedir(fds);
}

/* Nothing of what is the program's: no descriptor, directory, terminal or session. What it reads of
 * /proc and looks through for orphaned rings it has open for some microseconds at a time. */
Test(fault_groups, helper_holds_nothing)
{
	struct run run = {.program = build_path("fixtures/control")};
	struct session session = session_start(&run);
	char link[64], target[2], strange[4096] = "?";
	pid_t helper;

	session_say(&session, "tick 10", "ok");
	helper = fault_wait_for_helper(session.pid);
	cr_expect_neq(getsid(helper), getsid(session.pid));
	snprintf(link, sizeof(link), "/proc/%d/cwd", (int)helper);
	cr_assert_eq(readlink(link, target, sizeof(target)), 1);
	cr_expect_eq(target[0], '/');
	for (int tries = 0; strange[0] && tries < 100; tries++) {
		fault_sleep_us(1000);
		strange_descriptors(helper, strange, sizeof(strange));
	}
	cr_expect_str_empty(strange, "it holds %s", strange);
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
}

/* The program's exit does not hang on a helper that stands still; it seals as soon as it may run
 * on. */
Test(fault_groups, helper_stands_still_at_exit)
{
	struct run run = {.program = build_path("fixtures/fault_end"), .args = {"pauses", "5"}};
	struct session session = session_start(&run);
	pid_t helper = fault_wait_for_helper(session.pid);
	struct fault_truth truth;

	cr_assert_eq(kill(helper, SIGSTOP), 0);
	cr_assert_eq(session_end(&session), 0);
	cr_assert_eq(kill(helper, SIGCONT), 0);
	truth = fault_truth_read();
	fault_check_gone(&truth, false, "stopped");
	fault_check_trace(&truth, 0, 0, "stopped");
}

/* A helper whose program became another one by exec is gone long before that one ends. */
Test(fault_groups, helper_does_not_outlive_an_exec)
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"exec_sleep", "15"}};
	struct session session = session_start(&run);
	int status;

	wait_for_seal();
	for (int tries = 0; tries < 100 && fault_helper_of(session.pid); tries++)
		fault_sleep_us(10000);
	cr_expect_eq(fault_helper_of(session.pid), 0);
	cr_expect_eq(waitpid(session.pid, &status, WNOHANG), 0,
		     "the helper was still there when sleep ended");
	kill(session.pid, SIGTERM);
	cr_expect_eq(session_end(&session), 128 + SIGTERM);
}

static int removed_dir(void)
{
	return mkdir("gone", 0777) || chdir("gone") || rmdir("../gone");
}

/* Nobody knows where the trace should go; above all it does not go to the root directory. */
Test(fault_groups, dir_removed_before_the_start)
{
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		struct run run = {.program = build_path("fixtures/timers"),
				  .env = {fault_mode_settings[mode]},
				  .prepare = removed_dir};
		struct result result = run_program(&run);
		const char *end = strchr(result.err, '\n');
		char strange[64];

		snprintf(strange, sizeof(strange), "/.%d.1.bin", (int)result.pid);

		cr_expect_eq(result.status, 0);
		cr_expect_eq(access(strange, F_OK), -1, "%s was made", strange);
		cr_expect(end && !end[1] && strncmp(result.err, "uvtrace: ", 9) == 0, "said: %s",
			  result.err);
		result_free(&result);
	}
}
