/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may steer a traced program, what a program with more rights than its user believes, and what
 * the readers open.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "faults.h"

#define NOBODY 65534

TestSuite(fault_tools, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static int become_nobody(void)
{
	return setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY);
}

static const char *const commands[] = {"status", "stack", "enable", "disable", "flush", "rotate"};

Test(fault_tools, trace_ctl_of_another_user)
{
	struct run run = {.program = build_path("fixtures/control")};
	struct session session;
	struct trace trace;
	char pid[16];

	if (geteuid() != 0)
		cr_skip_test("only root can become another user");
	session = session_start(&run);
	session_say(&session, "tick 10", "ok");
	snprintf(pid, sizeof(pid), "%d", (int)session.pid);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct result result = run_program(&(struct run){.program = build_path("trace_ctl"),
								 .args = {pid, commands[i]},
								 .bare = true,
								 .prepare = become_nobody});

		cr_expect_eq(result.status, 1, "%s: status %d", commands[i], result.status);
		cr_expect(strstr(result.err, "another user's process"), "%s: said: %s", commands[i],
			  result.err);
		cr_expect_str_empty(result.out);
		result_free(&result);
	}
	session_say(&session, "tick 10", "ok");
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	trace = trace_read("uvtrace.data");
	cr_assert_eq(trace_count(&trace, "PollStart", "timer"), 20,
		     "recording was never switched off");
}

/* The dynamic linker itself loads the library here, as an administrator may have set up:
 * /etc/ld.so.preload. */
static int preload_for_all(void)
{
	char options[1024], *dir = getcwd(NULL, 0);
	int fd;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mkdir("work", 0700))
		return -1;
	snprintf(options, sizeof(options), "lowerdir=/etc,upperdir=%s/upper,workdir=%s/work", dir,
		 dir);
	fd = open("upper/ld.so.preload", O_CREAT | O_WRONLY, 0644);
	if (fd < 0 || dprintf(fd, "%s\n", build_path("libtrace.so")) < 0 || close(fd))
		return -1;
	return mount("overlay", "/etc", "overlay", 0, options);
}

/* A program with more rights than its user: what the user says of paths and sizes is not listened
 * to. */
Test(fault_tools, at_secure_ignores_the_environment)
{
	struct run run = {.program = "./setuid",
			  .env = {"UVTRACE_PATH=evil/trace.bin", "UVTRACE_LOG=info",
				  "UVTRACE_RING_SIZE=nonsense"},
			  .bare = true,
			  .prepare = preload_for_all};
	char command[1024];
	struct result result;

	if (geteuid() != 0)
		cr_skip_test("only root can make setuid programs of other users");
	snprintf(command, sizeof(command),
		 "mkdir upper && cp %s setuid && chown 65534 setuid && chmod 04755 setuid && chmod "
		 "0777 .",
		 build_path("fixtures/timers"));
	cr_assert_eq(system(command), 0);
	result = run_program(&run);
	if (result.status == 126)
		cr_skip_test("this kernel has no overlay file system");
	cr_expect_eq(result.status, 0);
	cr_expect_str_empty(result.err, "said: %s", result.err);
	cr_expect_eq(count_files(".", "evil"), 0, "the path of the environment was used");
	cr_expect_gt(count_files("uvtrace.data", ".bin"), 0,
		     "it was not traced at all, so this test shows nothing");
}

static struct result page_write(const char *to)
{
	return run_program(&(struct run){.program = build_path("analyze_trace"),
					 .args = {"--html", to, "uvtrace.data"},
					 .bare = true});
}

/* The page is written where it was asked for, and through nothing that somebody has put there. */
Test(fault_tools, page_and_what_lies_in_its_way)
{
	struct stat stat_;
	struct result result;

	if (geteuid() != 0)
		cr_skip_test("only root can make devices, and files of other users");
	run_well(&(struct run){.program = build_path("fixtures/timers")});
	close(open("victim", O_CREAT | O_WRONLY, 0600));
	cr_assert_eq(symlink("victim", "page.html.new") || lchown("page.html.new", NOBODY, NOBODY),
		     0);
	cr_assert_eq(mknod("null", S_IFCHR | 0600, makedev(1, 3)), 0);
	cr_assert_eq(mkfifo("theirs", 0666) || chown("theirs", NOBODY, NOBODY), 0);
	result = page_write("page.html");
	if (strstr(result.err, "make viewer builds it"))
		cr_skip_test("the page is not built here");
	cr_expect_eq(result.status, 0, "%s", result.err);
	cr_assert_eq(lstat("page.html", &stat_), 0);
	cr_expect_eq(stat_.st_mode & 0600, 0600);
	cr_assert_eq(stat("victim", &stat_), 0);
	cr_expect_eq(stat_.st_size, 0, "it was written through somebody's link");
	cr_expect_eq(page_write("null").status, 0);
	cr_assert_eq(lstat("null", &stat_), 0);
	cr_expect(S_ISCHR(stat_.st_mode), "a device was replaced");
	cr_expect_eq(page_write("theirs").status, 1);
	cr_expect_eq(count_files(".", "html."), 1, "something is left");
}

/* A program says in its file where the rest of its symbols is: if that is a pipe, nobody waits at
 * it. */
Test(fault_tools, debug_file_is_a_pipe)
{
	static const char *const make =
	    "cp %s app && objcopy --only-keep-debug app app.debug && strip app && "
	    "objcopy --add-gnu-debuglink=app.debug app && rm app.debug";
	char command[1024];
	struct result result;

	snprintf(command, sizeof(command), make, build_path("fixtures/timers"));
	cr_assert_eq(system(command), 0);
	run_well(&(struct run){.program = "./app"});
	cr_assert_eq(mkfifo("app.debug", 0600), 0);
	result = run_program(&(struct run){
	    .program = build_path("analyze_trace"), .args = {"uvtrace.data"}, .bare = true});
	cr_expect_eq(result.status, 0, "status %d: %s", result.status, result.err);
	result_free(&result);
}
