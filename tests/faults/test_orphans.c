/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings that are left when a program dies together with whoever drained it: somebody else drains
 * and removes them, but never one that is in use, never another user's, and never to where its
 * content says.
 */
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ring/shared.h"
#include "faults.h"

#define NOBODY	 65534
#define HEIRS	 6
#define THREAD	 "UVTRACE_DRAIN=thread"
#define BIG_RING "UVTRACE_RING_SIZE=16M"

TestSuite(fault_orphans, .init = harness_enter, .fini = harness_leave, .timeout = 60);

static char ring[64]; /* the one that was left */

/* The ring of a process, in `ring`; false if there is none. */
static bool ring_find(pid_t pid)
{
	char pattern[64];
	glob_t rings = {0};
	bool found;

	snprintf(pattern, sizeof(pattern), SHARED_DIR "/" SHARED_PREFIX "%d.*", (int)pid);
	found = glob(pattern, 0, NULL, &rings) == 0;
	if (found)
		snprintf(ring, sizeof(ring), "%s", rings.gl_pathv[0]);
	globfree(&rings);
	return found;
}

/* However long the machine takes to start it: without a record, a ring has nothing to forge. */
static void wait_for_callbacks(void)
{
	for (int i = 0; i < 1000; i++, fault_sleep_us(10000)) {
		struct fault_truth truth = {0};

		if (access("counts", R_OK) == 0)
			truth = fault_truth_read();
		if (truth.count > 0 && truth.processes[0].finished > 0)
			return;
	}
	cr_assert_fail("no callback ran in 10 s");
}

/* A program that was killed under load, in thread mode: the thread died with it. */
static struct fault_truth leave_ring(void)
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"load"},
			  .env = {THREAD, BIG_RING}};
	struct session session = session_start(&run);
	struct fault_truth truth;

	wait_for_callbacks();
	fault_sleep_us(150000);
	kill(session.pid, SIGKILL);
	cr_assert_eq(session_end(&session), 128 + SIGKILL);
	truth = fault_truth_read();
	cr_assert(ring_find(session.pid), "no ring was left: this test shows nothing");
	return truth;
}

static struct result recover_with(int status)
{
	struct result result = run_program(
	    &(struct run){.program = build_path("trace_ctl"), .args = {"recover"}, .bare = true});

	cr_assert_eq(result.status, status, "trace_ctl recover: status %d: %s", result.status,
		     result.err);
	return result;
}

static struct result recover(void)
{
	return recover_with(0);
}

static bool is_there(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0;
}

static bool ring_gone(void *arg)
{
	(void)arg;
	return !is_there(ring);
}

static void check_recovered(const struct fault_truth *truth, const char *what)
{
	cr_expect_not(is_there(ring), "%s: the ring is still there", what);
	cr_expect_eq(count_files("uvtrace.data", ".open"), 0, "%s: files were left open", what);
	fault_check_trace(truth, FAULT_DIES, 0, what);
}

Test(fault_orphans, by_hand)
{
	struct fault_truth truth = leave_ring();
	struct result result = recover();

	cr_expect(strstr(result.out, "what it left is in "), "said: %s", result.out);
	check_recovered(&truth, "trace_ctl recover");
	/* As if it had been drained at its end: nothing says that hours may have gone by. */
	cr_expect(strstr(recover().out, "nothing to recover"));
}

/* As a service that is started again: nobody has to do anything. */
Test(fault_orphans, by_the_next_program)
{
	struct fault_truth truth = leave_ring();

	run_well(&(struct run){.program = build_path("fixtures/timers")});
	cr_expect(wait_until(ring_gone, NULL));
	check_recovered(&truth, "the next program's helper");
}

Test(fault_orphans, by_the_launcher)
{
	struct run run = {
	    .program = source_path("scripts/uvtrace"),
	    .args = {"--drain=thread", "--", build_path("fixtures/fault_end"), "kill"},
	    .bare = true};
	struct result result = run_program(&run);
	struct fault_truth truth = fault_truth_read();

	cr_expect_eq(result.status, 128 + SIGKILL, "status %d: %s", result.status, result.err);
	cr_expect_not(ring_find((pid_t)truth.processes[0].pid), "the ring is still there");
	cr_expect_eq(count_files("uvtrace.data", ".open"), 0);
	fault_check_trace(&truth, FAULT_DIES, 0, "launcher");
}

static pid_t start_recoverer(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(1);
		execl(build_path("trace_ctl"), "trace_ctl", "recover", NULL);
		_exit(127);
	}
	return pid;
}

/* Many at once: one of them does it. */
Test(fault_orphans, by_one_of_many)
{
	struct fault_truth truth = leave_ring();
	size_t before = count_files("uvtrace.data", ".bin");
	pid_t heirs[HEIRS];

	for (int i = 0; i < HEIRS; i++)
		heirs[i] = start_recoverer();
	for (int i = 0; i < HEIRS; i++) {
		int status;

		cr_assert_eq(waitpid(heirs[i], &status, 0), heirs[i]);
		cr_expect_eq(status, 0);
	}
	check_recovered(&truth, "many");
	cr_expect_eq(count_files("uvtrace.data", ".bin"), before + 1,
		     "it was drained more than once");
}

/* Killed in the middle: the next one does it all, and readers pass over what is there twice. */
Test(fault_orphans, by_the_next_after_one_that_was_killed)
{
	struct fault_truth truth = leave_ring();

	for (int i = 0; i < 5; i++) {
		pid_t recoverer = start_recoverer();
		int status;

		fault_sleep_us(500u + 1500u * (unsigned)i);
		kill(recoverer, SIGKILL);
		waitpid(recoverer, &status, 0);
	}
	recover();
	check_recovered(&truth, "killed heirs");
}

/* Whatever its pid says: in use is what somebody has mapped. */
Test(fault_orphans, not_one_that_is_in_use)
{
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		struct run run = {.program = build_path("fixtures/control"),
				  .env = {fault_mode_settings[mode]}};
		struct session session = session_start(&run);

		session_say(&session, "tick 10", "ok");
		cr_assert(ring_find(session.pid));
		recover();
		cr_expect(is_there(ring), "%s: it was taken away", fault_mode_names[mode]);
		session_say(&session, "tick 10", "ok");
		session_say(&session, "quit", NULL);
		cr_assert_eq(session_end(&session), 0);
		cr_expect(wait_until(ring_gone, NULL));
	}
}

/* Its forked child still has it. */
Test(fault_orphans, not_one_that_a_child_has_mapped)
{
	struct fault_truth truth = leave_ring();
	int fd = open(ring, O_RDWR | O_CLOEXEC);
	void *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	cr_assert(fd >= 0 && memory != MAP_FAILED);
	close(fd);
	recover();
	cr_expect(is_there(ring), "a ring that is mapped was taken away");
	munmap(memory, 4096);
	recover();
	check_recovered(&truth, "unmapped");
}

/* A change to the file of a ring that was left, in one field. */
static void forge(uint64_t offset, const void *data, size_t bytes)
{
	int fd = open(ring, O_WRONLY | O_CLOEXEC);

	cr_assert_eq(pwrite(fd, data, bytes, (off_t)offset), (ssize_t)bytes);
	close(fd);
}

#define FORGE(field, ...)                                                                          \
	do {                                                                                       \
		const typeof(((struct shared *)0)->field) forged_ = __VA_ARGS__;                   \
		forge(offsetof(struct shared, field), &forged_, sizeof(forged_));                  \
	} while (0)

/* Nothing is written where it says, nor is another file removed, nor an older trace evicted. */
Test(fault_orphans, not_to_where_it_says)
{
	struct fault_truth truth = leave_ring();
	char other[SHARED_PATH_BYTES] = "", copy[1024];
	struct result result;

	cr_assert_eq(mkdir("elsewhere", 0700), 0);
	snprintf(other, sizeof(other), "%s/elsewhere/trace.bin", getcwd(copy, sizeof(copy)));
	forge(offsetof(struct shared, options.path), other, sizeof(other));
	result = recover();
	cr_expect(strstr(result.out, "its trace is another"), "said: %s", result.out);
	cr_expect(is_there(ring));
	cr_expect_eq(count_files("elsewhere", ""), 0);

	snprintf(other, sizeof(other), "%s/uvtrace.data/trace.bin", getcwd(copy, sizeof(copy)));
	forge(offsetof(struct shared, options.path), other, sizeof(other));
	FORGE(options.total_size_bytes, 1); /* would evict everything */
	snprintf(copy, sizeof(copy), "cp --sparse=always %s victim", ring);
	cr_assert_eq(system(copy), 0);
	snprintf(other, sizeof(other), "%s/victim", getcwd(copy, sizeof(copy)));
	forge(offsetof(struct shared, self_path), other, sizeof(other));
	recover();
	cr_expect(is_there("victim"), "a file was removed that the ring named");
	check_recovered(&truth, "own path");
}

/* What cannot be a ring of ours stays as it is. */
static void check_untouched(const char *what)
{
	struct stat before, after;

	cr_assert_eq(lstat(ring, &before), 0);
	recover();
	cr_expect_eq(lstat(ring, &after), 0, "%s: it is gone", what);
	cr_expect_eq(after.st_ino, before.st_ino);
	cr_expect_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec, "%s: it was written to", what);
}

Test(fault_orphans, not_what_others_may_have_made)
{
	char link_path[80];

	leave_ring();
	cr_assert_eq(chmod(ring, 0620), 0);
	check_untouched("writable by others");
	cr_assert_eq(chmod(ring, 0600), 0);
	snprintf(link_path, sizeof(link_path), "%s.second", ring);
	cr_assert_eq(link(ring, link_path), 0);
	check_untouched("two names");
	cr_assert_eq(unlink(link_path), 0);
	if (geteuid() == 0) {
		cr_assert_eq(chown(ring, NOBODY, NOBODY), 0);
		check_untouched("another user's");
	}
	snprintf(link_path, sizeof(link_path), SHARED_DIR "/moved.%d", (int)getpid());
	cr_assert_eq(rename(ring, link_path), 0);
	cr_assert_eq(chown(link_path, geteuid(), getegid()), 0);
	cr_assert_eq(symlink(link_path, ring), 0);
	check_untouched("a link");
	cr_expect(is_there(link_path));
	cr_assert_eq(unlink(ring) || unlink(link_path), 0);
	cr_assert_eq(mkfifo(ring, 0600), 0);
	check_untouched("a pipe");
	cr_assert_eq(unlink(ring), 0);
}

/* Sizes are not believed: no memory is taken that the file has not. */
Test(fault_orphans, nonsense)
{
	static const uint64_t huge = 1ull << 61;
	struct result result;

	leave_ring();
	forge(offsetof(struct shared, rings[0].head), &huge, sizeof(huge));
	result = recover_with(1);
	cr_expect(strstr(result.err, "it is damaged"), "said: %s", result.err);
	cr_expect(is_there(ring));
	FORGE(ring_bytes, 1u << 31);
	check_untouched("larger than the file");
	FORGE(version, SHARED_VERSION + 1);
	check_untouched("another version");
	cr_assert_eq(truncate(ring, 4096), 0);
	check_untouched("cut off");
	cr_assert_eq(unlink(ring), 0);
}

/* Of an earlier boot: its clock is not ours. */
Test(fault_orphans, not_of_an_earlier_boot)
{
	struct result result;

	leave_ring();
	FORGE(boot_id, {1, 2, 3});
	result = recover_with(1);
	cr_expect(strstr(result.err, "an earlier boot"), "said: %s", result.err);
	cr_expect(is_there(ring));
	cr_assert_eq(unlink(ring), 0);
}
