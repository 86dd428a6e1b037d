/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl and processes whose ring is not uvtrace.PID.* of /dev/shm: it lies in the directory of
 * the trace, or the process lives in namespaces of its own, where it has another pid.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "faults.h"

TestSuite(fault_attach, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int shm_small(void)
{
	return own_mounts() || mount("none", "/dev/shm", "tmpfs", 0, "size=64k");
}

static struct result control_by(const char *pid, const char *command, const char *setting,
				int (*prepare)(void))
{
	return run_program(&(struct run){.program = build_path("trace_ctl"),
					 .args = {pid, command},
					 .env = {setting},
					 .bare = true,
					 .prepare = prepare});
}

/* Each command reaches the process, and the status names it and what it runs. */
static void check_reached(pid_t traced, const char *setting, int (*prepare)(void))
{
	static const char *const commands[] = {"flush", "rotate", "disable", "enable"};
	char pid[16], start[32];
	struct result status;

	snprintf(pid, sizeof(pid), "%d", (int)traced);
	snprintf(start, sizeof(start), "process %s", pid);
	status = control_by(pid, "status", setting, prepare);
	cr_assert_eq(status.status, 0, "status: %s", status.err);
	cr_expect_eq(strncmp(status.out, start, strlen(start)), 0, "%s", status.out);
	cr_expect(strstr(status.out, "timer callback on_sleep"), "%s", status.out);
	result_free(&status);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct result result = control_by(pid, commands[i], setting, prepare);

		cr_expect_eq(result.status, 0, "%s: %s", commands[i], result.err);
		result_free(&result);
	}
}

static void session_over(struct session *session)
{
	session_say(session, "quit", NULL);
	cr_assert_eq(session_end(session), 0);
}

Test(fault_attach, ring_in_the_trace_dir)
{
	struct run run = {.program = build_path("fixtures/control"),
			  .env = {"UVTRACE_PATH=far/away/trace.bin"},
			  .prepare = shm_small};
	struct session session;

	if (geteuid() != 0)
		cr_skip_test("only root can mount");
	cr_assert_eq(system("mkdir -p far/away"), 0);
	session = session_start(&run);
	session_say(&session, "tick 10", "ok");
	cr_assert_eq(count_files("far/away", "uvtrace."), 1, "this test needs a ring there");
	session_say(&session, "sleep 1500", "sleeping");
	check_reached(session.pid, NULL, NULL);
	session_over(&session);
}

static pid_t hidden; /* whose maps cannot be seen */

static int hide_maps(void)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)hidden);
	return own_mounts() || mount("/dev/null", path, NULL, MS_BIND, NULL);
}

/* As of a process that dropped its privileges. */
Test(fault_attach, ring_where_uvtrace_path_says)
{
	struct run run = {.program = build_path("fixtures/control"),
			  .env = {"UVTRACE_PATH=far/trace.bin"},
			  .prepare = shm_small};
	struct result result;
	struct session session;
	char pid[16];

	if (geteuid() != 0)
		cr_skip_test("only root can mount");
	cr_assert_eq(system("mkdir -p far"), 0);
	session = session_start(&run);
	session_say(&session, "tick 10", "ok");
	session_say(&session, "sleep 1500", "sleeping");
	hidden = session.pid;
	snprintf(pid, sizeof(pid), "%d", (int)hidden);
	result = control_by(pid, "status", NULL, hide_maps);
	if (result.status == 126)
		cr_skip_test("this kernel mounts nothing over files of /proc/PID");
	cr_expect_eq(result.status, 1);
	cr_expect(strstr(result.err, "UVTRACE_PATH"), "said: %s", result.err);
	result = control_by(pid, "status", "UVTRACE_PATH=far/trace.bin", hide_maps);
	cr_expect_eq(result.status, 0, "said: %s", result.err);
	session_over(&session);
}

/* The process of that name among the descendants. */
static pid_t descendant(pid_t pid, const char *name)
{
	char path[64], text[256] = "";
	pid_t found = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	file = fopen(path, "r");
	if (file && fgets(text, sizeof(text), file) && strncmp(text, name, strlen(name)) == 0)
		found = pid;
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = found ? NULL : fopen(path, "r");
	while (file && !found && fscanf(file, "%d", &pid) == 1)
		found = descendant(pid, name);
	if (file)
		fclose(file);
	return found;
}

static void check_namespace(const char *script)
{
	struct run run = {.program = "unshare",
			  .args = {"--pid", "--mount", "--fork", "sh", "-c", script,
				   build_path("fixtures/control")}};
	struct session session;
	pid_t traced;

	if (geteuid() != 0)
		cr_skip_test("only root can unshare");
	session = session_start(&run);
	session_say(&session, "tick 10", "ok");
	session_say(&session, "sleep 1500", "sleeping");
	traced = descendant(session.pid, "control");
	cr_assert_gt(traced, 0);
	check_reached(traced, NULL, NULL);
	session_over(&session);
}

/* A container: it has its own /dev/shm too. */
Test(fault_attach, first_process_of_a_container)
{
	check_namespace("mount -t tmpfs none /dev/shm && exec \"$0\"");
}

Test(fault_attach, process_of_a_container)
{
	check_namespace("mount -t tmpfs none /dev/shm && \"$0\"; exit $?");
}

Test(fault_attach, process_of_a_container_that_shares_memory)
{
	check_namespace("\"$0\"; exit $?");
}

/* Its /dev/shm is full: the ring lies in a directory that only the container sees. */
Test(fault_attach, process_of_a_container_without_shared_memory)
{
	check_namespace("mount -t tmpfs -o size=64k none /dev/shm && mkdir -p uvtrace.data && "
			"mount -t tmpfs none uvtrace.data && cd uvtrace.data && \"$0\"; exit $?");
}

static int drain_status(pid_t pid, const char *before)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "ring=$(echo /dev/shm/uvtrace.%d.*); %s; [ ! -e $ring ] || exec %s 0 <>$ring",
		 (int)pid, before, build_path("uvtrace-drain"));
	return run_program(&(struct run){.program = "sh", .args = {"-c", command}, .bare = true})
	    .status;
}

/* The helper takes no ring that others may have written to. */
Test(fault_attach, helper_takes_private_rings_alone)
{
	struct session session = session_start(&(struct run){
	    .program = build_path("fixtures/control"), .env = {"UVTRACE_DRAIN=thread"}});

	session_say(&session, "tick 10", "ok");
	cr_assert_eq(kill(session.pid, SIGKILL), 0);
	session_end(&session);
	cr_expect_eq(drain_status(session.pid, "chmod 0660 $ring"), 1);
	cr_expect_eq(drain_status(session.pid, "chmod 0600 $ring; ln $ring /dev/shm/x${ring##*/}"),
		     1);
	cr_expect_eq(drain_status(session.pid, "rm /dev/shm/x${ring##*/}"), 0,
		     "this test shows nothing");
	drain_status(session.pid, "rm -f $ring");
}
