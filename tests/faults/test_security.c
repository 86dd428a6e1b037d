/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may read and steer a trace, and what somebody else can do about where it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "faults.h"
#include "ring/shared.h"

#define NOBODY 65534

TestSuite(fault_security, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static unsigned mode_of(const char *path)
{
	struct stat stat_;

	cr_assert_eq(lstat(path, &stat_), 0, "%s: %s", path, strerror(errno));
	return stat_.st_mode & 07777;
}

static int become_nobody(void)
{
	return setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY);
}

static int open_umask(void)
{
	umask(0);
	return 0;
}

static void check_modes(const char *pattern, unsigned mode)
{
	glob_t files = {0};

	cr_assert_eq(glob(pattern, 0, NULL, &files), 0, "%s: nothing there", pattern);
	for (size_t i = 0; i < files.gl_pathc; i++)
		cr_expect_eq(mode_of(files.gl_pathv[i]), mode, "%s has mode %o", files.gl_pathv[i],
			     mode_of(files.gl_pathv[i]));
	globfree(&files);
}

static bool has_file(void *arg)
{
	(void)arg;
	return count_files("uvtrace.data", ".bin") > 0;
}

/* Whatever the program's umask is. */
static void check_only_ours(enum fault_mode mode)
{
	struct run run = {.program = build_path("fixtures/control"),
			  .env = {fault_mode_settings[mode]},
			  .prepare = open_umask};
	struct session session = session_start(&run);
	char ring[64];

	session_say(&session, "tick 10", "ok");
	snprintf(ring, sizeof(ring), "/dev/shm/uvtrace.%d.*", (int)session.pid);
	check_modes(ring, 0600);
	cr_assert(wait_until(has_file, NULL));
	check_modes("uvtrace.data", 0700);
	check_modes("uvtrace.data/*", 0600);
	session_say(&session, "quit", NULL);
	cr_assert_eq(session_end(&session), 0);
	check_modes("uvtrace.data/*", 0600);
}

Test(fault_security, only_the_user_can_read)
{
	check_only_ours(FAULT_PROCESS);
}

Test(fault_security, only_the_user_can_read_in_thread_mode)
{
	check_only_ours(FAULT_THREAD);
}

/* Two rings of one program have names that nobody could foresee. */
Test(fault_security, ring_names_are_random)
{
	char names[2][256];

	for (int i = 0; i < 2; i++) {
		struct run run = {.program = build_path("fixtures/control")};
		struct session session = session_start(&run);
		glob_t rings;

		session_say(&session, "tick 10", "ok");
		cr_assert_eq(rings_find(session.pid, &rings), 1);
		snprintf(names[i], sizeof(names[i]), "%s", strrchr(rings.gl_pathv[0], '.'));
		globfree(&rings);
		session_say(&session, "quit", NULL);
		cr_assert_eq(session_end(&session), 0);
	}
	cr_assert_eq(strlen(names[0]), 17);
	cr_assert_str_neq(names[0], names[1]);
}

/* /dev/shm has no room for a ring: it will lie in the trace directory. */
static int shm_full(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/dev/shm", "tmpfs", 0, "size=64k");
}

/* Copies the head of a ring, which says that the trace goes to secret/evil.bin, and gives the copy
 * to that user. */
static void ring_forge(const char *from, const char *to, uid_t uid)
{
	struct shared *ring = malloc(sizeof(*ring));
	char *dir = getcwd(NULL, 0);
	int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_EXCL | O_RDWR, 0600);
	struct stat stat_;

	cr_assert(ring && dir && in >= 0 && out >= 0, "%s: %s", from, strerror(errno));
	cr_assert_eq(read(in, ring, sizeof(*ring)), (ssize_t)sizeof(*ring));
	snprintf(ring->options.path, sizeof(ring->options.path), "%s/secret/evil.bin", dir);
	snprintf(ring->self_path, sizeof(ring->self_path), "%s/%s", dir, to);
	cr_assert_eq(fstat(in, &stat_) || ftruncate(out, stat_.st_size) || fchown(out, uid, uid),
		     0);
	cr_assert_eq(write(out, ring, sizeof(*ring)), (ssize_t)sizeof(*ring));
	close(in);
	close(out);
	free(dir);
	free(ring);
}

static char *ring_in(const char *dir)
{
	glob_t rings = {0};
	char pattern[128], *ring;

	snprintf(pattern, sizeof(pattern), "%s/uvtrace.*", dir);
	cr_assert_eq(glob(pattern, 0, NULL, &rings), 0, "no ring in %s", dir);
	ring = strdup(rings.gl_pathv[0]);
	globfree(&rings);
	return ring;
}

/* Where the ring lies in a directory that belongs to another user, he puts another in its place
 * before there is a helper: one of his own, or one that is root's. */
static void check_exchanged_ring(enum fault_mode mode, uid_t uid)
{
	struct run run = {.program = build_path("fixtures/late"),
			  .env = {fault_mode_settings[mode], "UVTRACE_PATH=theirs/trace.bin",
				  "UVTRACE_LOG=quiet"},
			  .prepare = shm_full};
	struct session session;
	struct trace trace;
	char *ring, said[10]; /* "submitted" and a line's end */

	harness_leave();
	harness_enter();
	cr_assert_eq(
	    mkdir("theirs", 0755) || chown("theirs", NOBODY, NOBODY) || mkdir("secret", 0700), 0);
	session = session_start(&run);
	cr_assert_eq(read(session.output, said, sizeof(said)), (ssize_t)sizeof(said));
	ring = ring_in("theirs");
	cr_assert_eq(rename(ring, "theirs/away"), 0);
	ring_forge("theirs/away", ring, uid);
	session_say(&session, "go on", "ran 21");
	cr_expect_eq(session_end(&session), 0);
	usleep(300000); /* for a helper that would have been made */
	cr_expect_eq(count_files("secret", ""), 0,
		     "%s, uid %u: somebody else's ring was listened to", fault_mode_names[mode],
		     uid);
	cr_expect_eq(access(ring, F_OK), 0, "what is not ours was removed");
	trace = trace_read("theirs");
	cr_expect_eq(trace_count(&trace, "PollStart", "timer"), 20);
	trace_free(&trace);
	free(ring);
}

Test(fault_security, ring_is_exchanged)
{
	if (geteuid() != 0)
		cr_skip_test("only root can make files of other users");
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		check_exchanged_ring(mode, NOBODY);
		check_exchanged_ring(mode, 0);
	}
}

static int run_helper(const char *ring)
{
	struct run run = {
	    .program = "sh",
	    .args = {"-c", "exec \"$0\" 0 0<>\"$1\"", build_path("uvtrace-drain"), ring},
	    .bare = true};
	struct result result = run_program(&run);
	int status = result.status;

	result_free(&result);
	return status;
}

/* The helper itself listens to no ring of another user, nor to one that others can write to. */
Test(fault_security, helper_and_rings_of_others)
{
	struct run run = {.program = build_path("fixtures/control"),
			  .env = {"UVTRACE_DRAIN=thread"}};
	struct session session;
	glob_t rings;

	if (geteuid() != 0)
		cr_skip_test("only root can make files of other users");
	cr_assert_eq(mkdir("secret", 0700), 0);
	session = session_start(&run);
	session_say(&session, "tick 10", "ok");
	kill(session.pid, SIGKILL);
	session_end(&session);
	cr_assert_eq(rings_find(session.pid, &rings), 1);
	ring_forge(rings.gl_pathv[0], "ring", NOBODY);
	cr_assert_eq(unlink(rings.gl_pathv[0]), 0);
	globfree(&rings);
	cr_expect_eq(run_helper("ring"), 1);
	cr_assert_eq(chown("ring", 0, 0) || chmod("ring", 0622), 0);
	cr_expect_eq(run_helper("ring"), 1);
	cr_assert_eq(chmod("ring", 0600) || link("ring", "another"), 0);
	cr_expect_eq(run_helper("ring"), 1);
	cr_expect_eq(count_files("secret", ""), 0, "a ring of another user was listened to");
	cr_assert_eq(unlink("another"), 0);
	cr_expect_eq(run_helper("ring"), 0, "an own one is not, so this test shows nothing");
}

static void check_refused(enum fault_mode mode, const char *trap)
{
	struct run run = {.program = build_path("fixtures/timers"),
			  .env = {fault_mode_settings[mode], "UVTRACE_PATH=public/trap/trace.bin"}};
	struct result result = run_program(&run);

	cr_expect_eq(result.status, 0, "%s: status %d", trap, result.status);
	cr_expect(strstr(result.err, "events were not written to") &&
		      strstr(result.err, "/public/trap belongs to another user"),
		  "%s: said: %s", trap, result.err);
	cr_expect_eq(count_files("public/trap", ""), 0, "%s: files were written", trap);
	result_free(&result);
}

/* In a directory where anybody may make names, another user has prepared one. */
Test(fault_security, traps_in_public_dirs)
{
	if (geteuid() != 0)
		cr_skip_test("only root can make files of other users");
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		harness_leave();
		harness_enter();
		cr_assert_eq(mkdir("public", 0700) || chmod("public", 01777), 0);
		cr_assert_eq(mkdir("elsewhere", 0700), 0);
		cr_assert_eq(symlink("../elsewhere", "public/trap"), 0);
		cr_assert_eq(lchown("public/trap", NOBODY, NOBODY), 0);
		check_refused(mode, "link");
		cr_assert_eq(unlink("public/trap"), 0);
		cr_assert_eq(mkdir("public/trap", 0777) || chown("public/trap", NOBODY, NOBODY), 0);
		check_refused(mode, "folder");
	}
}

/* In a directory of his own, another user can put a link where our directory was; but a directory
 * of his is good, as it is for a container's volume, or for root who traces in a user's project. */
Test(fault_security, links_of_other_users_are_not_followed)
{
	struct run run = {.program = build_path("fixtures/timers"),
			  .env = {NULL, "UVTRACE_PATH=theirs/data/trace.bin"}};

	if (geteuid() != 0)
		cr_skip_test("only root can make files of other users");
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		struct result result;

		harness_leave();
		harness_enter();
		run.env[0] = fault_mode_settings[mode];
		cr_assert_eq(mkdir("secret", 0700) || mkdir("theirs", 0755) ||
				 chown("theirs", NOBODY, NOBODY),
			     0);
		cr_assert_eq(symlink("../secret", "theirs/data") ||
				 lchown("theirs/data", NOBODY, NOBODY),
			     0);
		result = run_program(&run);
		cr_expect_eq(result.status, 0);
		cr_expect(strstr(result.err, "/theirs/data belongs to another user"), "said: %s",
			  result.err);
		cr_expect_eq(count_files("secret", ""), 0);
		result_free(&result);
		cr_assert_eq(lchown("theirs/data", 0, 0), 0);
		run_well(&run);
		cr_expect_eq(count_files("secret", ".bin"), 1, "a link of our own is followed");
		cr_assert_eq(unlink("theirs/data") || mkdir("theirs/data", 0755) ||
				 chown("theirs/data", NOBODY, NOBODY),
			     0);
		run_well(&run);
		cr_expect_eq(count_files("theirs/data", ".bin"), 1, "a folder of another user");
	}
}

/* What another user has of the budget in a public directory is told. */
Test(fault_security, budget_is_used_up_by_another_user)
{
	struct run run = {.program = build_path("fixtures/timers"),
			  .env = {"UVTRACE_PATH=public/trace.bin", "UVTRACE_TOTAL_SIZE=1M"},
			  .prepare = become_nobody};
	struct result result;
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root can make files of other users");
	cr_assert_eq(mkdir("public", 0700) || chmod("public", 01777) || chmod(".", 0755), 0);
	fd = open("public/trace.1.1.bin", O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	result = run_program(&run);
	cr_expect_eq(result.status, 0);
	cr_expect(strstr(result.err, "UVTRACE_TOTAL_SIZE is used up, also by another user's files"),
		  "said: %s", result.err);
	cr_expect_eq(count_files("public", ""), 1);
	result_free(&result);
}

/* A file where the next segment would be is neither followed nor overwritten. */
Test(fault_security, links_are_not_followed)
{
	const char *script =
	    "mkdir -p uvtrace.data && ln -s ../victim uvtrace.data/trace.$$.1.bin.open && "
	    "ln -s ../victim uvtrace.data/trace.$$.2.bin && exec \"$0\"";
	struct run run = {.program = "sh", .args = {"-c", script, build_path("fixtures/timers")}};
	struct stat stat_;
	int fd = open("victim", O_CREAT | O_WRONLY, 0600);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(run_program(&run).status, 0);
	cr_assert_eq(stat("victim", &stat_), 0);
	cr_assert_eq(stat_.st_size, 0);
	cr_assert_gt(sum_files("uvtrace.data", ".bin"), 0);
}
