/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that change who they are, where they are and what they have open; and places that have
 * not what a trace needs. Mounts are made in mount namespaces of the test's or the program's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "faults.h"

#define NOBODY	    65534
#define CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

/* ---- What is prepared before the program begins ---------------------------------------------- */

static int own_mounts(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static int become_nobody(void)
{
	return chmod(".", 0777) || setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY);
}

static int shm_small(void)
{
	return own_mounts() || mount("none", "/dev/shm", "tmpfs", 0, "size=64k");
}

static int shm_nearly_full(void)
{
	return own_mounts() || mount("none", "/dev/shm", "tmpfs", 0, "size=1m");
}

static int shm_noexec(void)
{
	return own_mounts() ||
	       mount("none", "/dev/shm", "tmpfs", MS_NOEXEC | MS_NODEV | MS_NOSUID, NULL);
}

static int shm_read_only(void)
{
	return own_mounts() || mount("none", "/dev/shm", "tmpfs", MS_RDONLY, NULL);
}

static int shm_absent(void)
{
	return own_mounts() || mount("none", "/dev", "tmpfs", 0, NULL) ||
	       mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3));
}

/* In the test's own namespace, which reads the trace afterwards. */
static int small_disk(void)
{
	return mkdir("uvtrace.data", 0700) ||
	       mount("none", "uvtrace.data", "tmpfs", 0, "size=128k");
}

static int disk_of_a_megabyte(void)
{
	return mkdir("uvtrace.data", 0700) || mount("none", "uvtrace.data", "tmpfs", 0, "size=1m");
}

/* A real quota: of tmpfs, which few kernels have (since 6.6), or of btrfs. */
static int small_quota(void)
{
	static const char btrfs[] =
	    "PATH=$PATH:/sbin:/usr/sbin; exec >/dev/null 2>&1; truncate -s 128M disk && "
	    "mkfs.btrfs disk && mount -o loop disk uvtrace.data && "
	    "btrfs quota enable uvtrace.data && btrfs qgroup limit 144K 0/5 uvtrace.data";

	if (mkdir("uvtrace.data", 0700) != 0)
		return -1;
	if (mount("none", "uvtrace.data", "tmpfs", 0,
		  "size=64m,usrquota,usrquota_block_hardlimit=128k") == 0)
		return chown("uvtrace.data", NOBODY, NOBODY) || become_nobody();
	return system(btrfs);
}

static int read_only_dir(void)
{
	return mkdir("uvtrace.data", 0700) ||
	       mount("none", "uvtrace.data", "tmpfs", MS_RDONLY, NULL);
}

static int locked_dir(void)
{
	return mkdir("uvtrace.data", 0555) || become_nobody();
}

static int limit(int resource, rlim_t bytes)
{
	const struct rlimit value = {bytes, bytes};

	return setrlimit(resource, &value);
}

static int small_files(void)
{
	return limit(RLIMIT_FSIZE, 65536);
}

static int middling_files(void)
{
	return limit(RLIMIT_FSIZE, 16 << 20);
}

static int little_memory(void)
{
	return limit(RLIMIT_AS, 128 << 20);
}

static int hardly_any_memory(void)
{
	return limit(RLIMIT_AS, 20 << 20);
}

/* The helper's file cannot be run. */
static int no_helper(void)
{
	return own_mounts() || mount("/dev/null", build_path("uvtrace-drain"), NULL, MS_BIND, NULL);
}

/* It can be executed, as far as its mode tells, and is no program. */
static int helper_is_no_program(void)
{
	int fd = open("no_program", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	return fd < 0 || write(fd, "nothing\n", 8) != 8 || close(fd) || own_mounts() ||
	       mount("no_program", build_path("uvtrace-drain"), NULL, MS_BIND, NULL);
}

static int no_tsc(void)
{
	int fd = open("clocksource", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	return fd < 0 || write(fd, "hpet\n", 5) != 5 || close(fd) || own_mounts() ||
	       mount("clocksource", CLOCKSOURCE, NULL, MS_BIND, NULL);
}

/* Mounts are the test's own, where that is allowed; where it is not, what needs it says so. */
static void enter(void)
{
	if (geteuid() == 0)
		own_mounts();
}

TestSuite(fault_places, .init = enter, .timeout = 120);

#define BOTH(text)                                                                                 \
	{                                                                                          \
		text, text                                                                         \
	}

/* ---- Faults ---------------------------------------------------------------------------------- */

FAULT(fault_places, every_fd_above_2_closed_and_reused, .program = "fault_place",
      .args = {"turn", "close_above_2", "reuse", "turn", "nap", "turn"})
FAULT(fault_places, fds_0_to_2_closed_and_reused, .program = "fault_place",
      .args = {"turn", "close_low", "reuse", "turn", "nap", "turn"})
FAULT(fault_places, fds_0_to_2_closed_and_reused_before_the_first_loop, .program = "fault_place",
      .args = {"close_low", "reuse", "turn", "nap", "turn"})
FAULT(fault_places, rlimit_nofile_3, .program = "fault_place",
      .args = {"turn", "nofile", "turn", "nap", "turn"})
FAULT(fault_places, rlimit_nofile_3_before_the_first_loop, .program = "fault_place",
      .args = {"nofile", "turn", "turn"}, .flags = FAULT_UNTRACED,
      .says = BOTH("cannot trace: no ring memory in /dev/shm: Too many open files, nor"))
FAULT(fault_places, chroot, .program = "fault_place",
      .args = {"turn", "chroot", "turn", "nap", "turn"}, .flags = FAULT_ROOT)
/* The trace lies below the new root, and other lines may follow. */
FAULT(fault_places, chroot_before_the_first_loop, .program = "fault_place",
      .args = {"chroot", "turn", "turn"}, .flags = FAULT_ROOT | FAULT_UNTRACED | FAULT_SAYS_MORE,
      .says = BOTH("no ring memory in /dev/shm: No such file or directory; "
		   "using the trace directory"))
FAULT(fault_places, setuid, .program = "fault_place",
      .args = {"turn", "nobody", "turn", "nap", "turn"},
      .flags = FAULT_ROOT | FAULT_THREAD_LEAVES_RING)
FAULT(fault_places, setuid_before_the_first_loop, .program = "fault_place",
      .args = {"nobody", "turn", "nap", "turn"}, .flags = FAULT_ROOT | FAULT_UNTRACED,
      .says = BOTH("events were not written to "))
FAULT(fault_places, undumpable, .program = "fault_place",
      .args = {"undumpable", "turn", "nap", "turn"})
FAULT(fault_places, undumpable_nobody, .program = "fault_place",
      .args = {"undumpable", "turn", "nap", "turn"}, .prepare = become_nobody, .flags = FAULT_ROOT)
FAULT(fault_places, cwd_removed, .program = "fault_place",
      .args = {"turn", "leave", "turn", "nap", "turn"})
FAULT(fault_places, cwd_removed_before_the_first_loop, .program = "fault_place",
      .args = {"leave", "turn", "nap", "turn"})
FAULT(fault_places, trace_dir_removed, .program = "fault_place",
      .args = {"turn", "nap", "remove", "turn", "sleep", "turn"}, .flags = FAULT_LOSES,
      .says = BOTH("events were not written to "))
FAULT(fault_places, trace_dir_renamed, .program = "fault_place",
      .args = {"turn", "nap", "rename", "turn", "sleep", "turn"},
      .flags = FAULT_LOSES | FAULT_UNTRACED)
FAULT(fault_places, trace_dir_locked, .program = "fault_place",
      .args = {"turn", "nap", "lock", "turn", "nap", "unlock", "turn"}, .prepare = become_nobody,
      .flags = FAULT_ROOT)
FAULT(fault_places, trace_dir_read_only, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = locked_dir, .flags = FAULT_ROOT | FAULT_UNTRACED,
      .says = BOTH("events were not written to "))
FAULT(fault_places, trace_dir_on_a_read_only_mount, .program = "fault_place",
      .args = {"turn", "nap", "turn"}, .prepare = read_only_dir,
      .flags = FAULT_ROOT | FAULT_UNTRACED, .says = BOTH("events were not written to "))
FAULT(fault_places, disk_full, .program = "fault_place",
      .args = {"turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn",
	       "nap", "turn"},
      .prepare = small_disk, .flags = FAULT_ROOT | FAULT_LOSES,
      .says = BOTH("No space left on device"))
/* What comes meanwhile waits in the ring. */
FAULT(fault_places, disk_full_for_a_moment, .program = "fault_place",
      .args = {"turn", "flush", "fill", "turn", "nap", "nap", "free", "sleep", "turn"},
      .prepare = disk_of_a_megabyte, .flags = FAULT_ROOT | FAULT_MAY_SAY,
      .says = BOTH("No space left on device"))
FAULT(fault_places, quota, .program = "fault_place",
      .args = {"turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn",
	       "turn", "turn", "turn", "nap", "turn"},
      .env = {"UVTRACE_RING_SIZE=8M"}, .prepare = small_quota,
      .flags = FAULT_ROOT | FAULT_KERNEL | FAULT_LOSES, .says = BOTH("Disk quota exceeded"))
FAULT(fault_places, edquot_from_the_start, .program = "fault_place",
      .args = {"quota", "turn", "nap", "turn"}, .flags = FAULT_UNTRACED,
      .says = BOTH("Disk quota exceeded"))
/* A helper that was made before knows nothing of it. */
FAULT(fault_places, edquot_while_it_runs, .program = "fault_place",
      .args = {"turn", "nap", "quota", "turn", "nap", "turn"}, .flags = FAULT_LOSES,
      .says = {[FAULT_THREAD] = "Disk quota exceeded"})
FAULT(fault_places, rlimit_fsize, .program = "fault_place",
      .args = {"turn", "fsize", "turn", "nap", "turn"}, .says = {[FAULT_THREAD] = "File too large"})
FAULT(fault_places, rlimit_fsize_of_64_kib_from_the_start, .program = "fault_place",
      .args = {"turn", "nap", "turn"}, .prepare = small_files, .flags = FAULT_UNTRACED,
      .says = BOTH("cannot trace: no ring memory in /dev/shm: File too large, nor"))
FAULT(fault_places, rlimit_fsize_of_16_mib_from_the_start, .program = "fault_place",
      .args = {"turn", "nap", "turn"}, .prepare = middling_files)
FAULT(
    fault_places, shm_full, .program = "fault_place", .args = {"turn", "nap", "turn"},
    .prepare = shm_small, .flags = FAULT_ROOT,
    .says = BOTH("no ring memory in /dev/shm: No space left on device; using the trace directory"))
FAULT(
    fault_places, shm_full_deep_trace_dir, .program = "fault_place",
    .args = {"turn", "nap", "turn"},
    .env = {"UVTRACE_PATH=uvtrace.data/../deep/down/../../uvtrace.data/trace.bin"},
    .prepare = shm_small, .flags = FAULT_ROOT,
    .says = BOTH("no ring memory in /dev/shm: No space left on device; using the trace directory"))
FAULT(fault_places, shm_nearly_full, .program = "fault_place",
      .args = {"turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn", "turn", "nap",
	       "turn"},
      .prepare = shm_nearly_full, .flags = FAULT_ROOT | FAULT_LOSES,
      .says = BOTH("little memory for rings: "))
FAULT(fault_places, shm_noexec, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = shm_noexec, .flags = FAULT_ROOT)
FAULT(fault_places, shm_read_only, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = shm_read_only, .flags = FAULT_ROOT,
      .says = BOTH("no ring memory in /dev/shm: Read-only file system; using the trace directory"))
FAULT(fault_places, shm_absent, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = shm_absent, .flags = FAULT_ROOT,
      .says = BOTH("no ring memory in /dev/shm: No such file or directory; "
		   "using the trace directory"))
FAULT(fault_places, rlimit_as, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = little_memory)
FAULT(fault_places, rlimit_as_of_20_mib, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = hardly_any_memory, .flags = FAULT_LOSES)
FAULT(fault_places, rlimit_nproc, .program = "fault_place",
      .args = {"nproc", "turn", "nap", "turn"}, .prepare = become_nobody, .flags = FAULT_ROOT,
      .says = BOTH("nobody drains: no "))
FAULT(fault_places, no_helper, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = no_helper, .flags = FAULT_ROOT,
      .says = {[FAULT_PROCESS] = "no helper process: Permission denied; draining in a thread"})
FAULT(fault_places, helper_is_no_program, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = helper_is_no_program, .flags = FAULT_ROOT,
      .says = {[FAULT_PROCESS] = "no helper process: Exec format error; draining in a thread"})
FAULT(fault_places, seccomp, .program = "fault_place",
      .args = {"turn", "seccomp", "turn", "nap", "turn"})
FAULT(fault_places, seccomp_before_the_first_loop, .program = "fault_place",
      .args = {"seccomp", "turn", "turn"}, .flags = FAULT_UNTRACED,
      .says = BOTH("cannot trace: no ring memory in /dev/shm: Operation not permitted, nor"))
FAULT(fault_places, no_tsc, .program = "fault_place", .args = {"turn", "nap", "turn"},
      .prepare = no_tsc, .flags = FAULT_ROOT)

/* What came while the disk was full is missing, but for what the ring can hold, and counted; what
 * came before and after is there. */
static void check_disk_full_for_a_while(enum fault_mode mode)
{
	struct run run = {.program = build_path("fixtures/fault_place"),
			  .args = {"turn", "flush", "fill", "turn", "turn", "turn", "turn", "turn",
				   "turn", "turn", "turn", "nap", "free", "sleep", "turn"},
			  .env = {fault_mode_settings[mode]},
			  .prepare = disk_of_a_megabyte};
	struct result result;
	struct fault_truth truth;
	json_t *report, *callbacks;
	uint64_t ran = 0;

	harness_enter();
	result = run_program(&run);
	cr_assert_eq(result.status, 0, "%s", result.err);
	cr_expect(strstr(result.err, "No space left on device"), "said: %s", result.err);
	truth = fault_truth_read();
	fault_check_gone(&truth, false, "disk full for a while");
	report = fault_analyze(&truth);
	callbacks = json_object_get(report, "callbacks");
	for (size_t i = 0; i < json_array_size(callbacks); i++)
		ran += event_number(json_array_get(callbacks, i), "count");
	cr_expect_geq(ran, 2 * 3000, "%s: %lu of %lu callbacks are there", fault_mode_names[mode],
		      ran, truth.processes[0].started);
	cr_expect_lt(ran, truth.processes[0].started,
		     "the disk was not full: this test shows nothing");
	cr_expect_gt(event_number(report, "missing_events"), 0, "%s: nothing is said to be missing",
		     fault_mode_names[mode]);
	json_decref(report);
	result_free(&result);
	umount2("uvtrace.data", MNT_DETACH);
	harness_leave();
}

Test(fault_places, disk_full_for_a_while)
{
	if (geteuid() != 0 || own_mounts() != 0)
		cr_skip_test("only root can make a small disk");
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++)
		check_disk_full_for_a_while(mode);
}
