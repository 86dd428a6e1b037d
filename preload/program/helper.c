/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts the helper process with clone(CLONE_VM), twice, without an exit signal, then exec. The
 * program is never copied, gets no SIGCHLD, and has no child that wait() could find. The helper
 * belongs to init. The program waits for the child (CLONE_VFORK), which makes everything ready, but
 * not for the grandchild's exec, which takes half a millisecond. That begins when the program has
 * gone on: else it would have the CPU that the program left to wait.
 *
 * Rules: until the exec both share our memory and run on stack pages of our choosing, with every
 * signal blocked. The child calls only async-signal-safe functions. The grandchild runs while the
 * program goes on, and has the thread pointer of the thread that made it: it enters the kernel by
 * itself, so that not even errno is touched, and uses static memory alone. The kernel clears
 * `leaving` when it has left our memory.
 * A real-time program's helper is an ordinary process, which takes no time from it nor from others
 * of its class.
 * The helper keeps no descriptor of the program. All are closed first; then the ring file becomes
 * 0, /dev/null 1 and 2, and the program's maps 3. The ring file is opened by its name, which may be
 * in another user's directory: the opened file must be the mapped one.
 */
#include "helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/reason.h"
#include "ring/futex.h"
#include "ring/ring_file.h"
#include "files/proc_file.h"
#include "syscall_alone.h"

#define HELPER_NAME	    "uvtrace-drain"
#define STACK_BYTES	    16384
#define KERNEL_SIGSET_BYTES 8

struct spawn {
	const char *ring_path;
	volatile int error; /* written by the child, whose memory is ours */
	volatile pid_t helper;
};

/* In our memory there is a grandchild, of this process: not 0. A forked child has a copy. */
static _Atomic pid_t leaving;
static pid_t leaving_of;
static _Atomic uint32_t may_exec; /* futex: 1 when the program has gone on */
static _Atomic int exec_error;	  /* of the last grandchild; written by it */
static char *helper_argv[4];
static char *helper_envp[1]; /* above all no LD_PRELOAD: a helper that traces itself makes helpers
				without end */

static char helper_path[SHARED_PATH_BYTES]; /* beside the library; empty where that is not known */
static char child_stack[STACK_BYTES] __attribute__((aligned(64)));
static char grandchild_stack[STACK_BYTES] __attribute__((aligned(64)));

/* Every signal, the two that libc keeps for itself too. */
static void signals_block(uint64_t *old)
{
	uint64_t all = ~0ull;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, old, KERNEL_SIGSET_BYTES);
}

static void signals_restore(const uint64_t *old)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, KERNEL_SIGSET_BYTES);
}

static void close_all(void)
{
	struct rlimit limit = {0};

	if (syscall(SYS_close_range, 0, ~0u, 0) == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (rlim_t fd = 0; fd < limit.rlim_cur && fd < 65536; fd++)
		close(fd);
}

/* The limits are this process' own: what the program has set is not meant for it. */
static void limits_raise(void)
{
	static const int resources[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA,
					RLIMIT_CPU};
	struct rlimit limit;

	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		if (getrlimit(resources[i], &limit) || limit.rlim_cur == limit.rlim_max)
			continue;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(resources[i], &limit);
	}
}

__attribute__((no_sanitize("address", "thread", "undefined"))) static int grandchild(void *arg)
{
	/* If the program died just now, nobody says it. */
	static const struct timespec at_most = {.tv_sec = 1};
	static const struct sched_param ordinary;
	long maps, error, class;

	(void)arg;
	/* Before the exec, which is half a millisecond of work. Asked first: filters of system
	 * calls forbid the change more often. */
	class = syscall_alone(SYS_sched_getscheduler, 0, 0, 0, 0);
	if (class == SCHED_FIFO || class == SCHED_RR)
		syscall_alone(SYS_sched_setscheduler, 0, SCHED_OTHER, (long)&ordinary, 0);
	syscall_alone(SYS_futex, (long)&may_exec, FUTEX_WAIT, 0, (long)&at_most);
	/* Its memory is still the program's. */
	maps = syscall_alone(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY, 0);
	if (maps == 3)
		helper_argv[2] = (char *)"3";
	error =
	    syscall_alone(SYS_execve, (long)helper_path, (long)helper_argv, (long)helper_envp, 0);
	atomic_store_explicit(&exec_error, (int)-error, memory_order_release);
	syscall_alone(SYS_exit_group, 127, 0, 0, 0);
	return 0;
}

/* The descriptors 0, 1 and 2; an error of the ring file or of the rest. */
static int files_open(const struct spawn *spawn)
{
	int ring = open(spawn->ring_path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);

	if (ring < 0 ? errno == ENOENT || errno == ELOOP : !ring_file_is(ring))
		return REASON_RING_REPLACED;
	if (ring == 0 && open("/dev/null", O_RDWR) == 1 && dup(1) == 2)
		return 0;
	return errno ? errno : EIO;
}

static int child(void *arg)
{
	struct spawn *spawn = arg;

	limits_raise();
	close_all();
	spawn->error = files_open(spawn);
	if (spawn->error)
		_exit(0);
	atomic_store(&may_exec, 0);
	atomic_store(&leaving, 1);
	spawn->helper = clone(grandchild, grandchild_stack + STACK_BYTES,
			      CLONE_VM | CLONE_CHILD_CLEARTID, NULL, NULL, NULL, &leaving);
	if (spawn->helper < 0) {
		spawn->error = errno;
		atomic_store(&leaving, 0);
	}
	_exit(0);
}

void helper_find(void)
{
	size_t used = 0, dir_bytes;
	const char *slash;
	Dl_info info;

	if (!dladdr((void *)helper_spawn, &info) || !info.dli_fname ||
	    !(slash = strrchr(info.dli_fname, '/')))
		return;
	dir_bytes = slash - info.dli_fname + 1;
	if (info.dli_fname[0] != '/') {
		if (!getcwd(helper_path, sizeof(helper_path) - 1))
			return;
		used = strlen(helper_path);
		helper_path[used++] = '/';
	}
	if (used + dir_bytes + sizeof(HELPER_NAME) > sizeof(helper_path)) {
		helper_path[0] = 0;
		return;
	}
	memcpy(helper_path + used, info.dli_fname, dir_bytes);
	memcpy(helper_path + used + dir_bytes, HELPER_NAME, sizeof(HELPER_NAME));
}

bool helper_would_be_adopted(void)
{
	int subreaper = 0;

	return getpid() == 1 ||
	       (prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper);
}

/* Where only ancestors may look at a process (kernel.yama.ptrace_scope 1), the helper that
 * takes samples needs to be named: it, and nobody else, may then do what without that rule every
 * process of the same user may. What the program has named before (there is room for one only) is
 * replaced; if it names another one later, the helper sees less, and says so. */
static void helper_let_look(const struct shared *shared, pid_t helper)
{
	if (shared->options.stall_ms > 0 || shared->options.sample_hz > 0)
		prctl(PR_SET_PTRACER, helper, 0, 0, 0);
}

bool helper_is_leaving(void)
{
	return atomic_load(&leaving) != 0 && leaving_of == getpid();
}

int helper_error(void)
{
	return helper_is_leaving() ? 0 : -atomic_load_explicit(&exec_error, memory_order_acquire);
}

int helper_spawn(const struct shared *shared)
{
	struct spawn spawn = {.ring_path = shared->self_path};
	int saved_errno = errno;
	uint64_t old_signals;
	pid_t pid;

	if (helper_is_leaving()) /* its stack is in use */
		return -EAGAIN;
	if (access(helper_path, X_OK)) {
		spawn.error = errno;
		errno = saved_errno;
		return -spawn.error;
	}
	leaving_of = getpid();
	atomic_store(&exec_error, 0);
	helper_argv[0] = (char *)HELPER_NAME;
	helper_argv[1] = (char *)"0";
	helper_argv[2] = NULL;
	signals_block(&old_signals);
	pid = clone(child, child_stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, &spawn);
	if (pid < 0)
		spawn.error = errno;
	else
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	if (!spawn.error)
		helper_let_look(shared, spawn.helper);
	atomic_store(&may_exec, 1);
	futex_wake(&may_exec);
	signals_restore(&old_signals);
	errno = saved_errno;
	return -spawn.error;
}

bool helper_kill_stopped(uint32_t pid)
{
	static const char stopped[] = "(" HELPER_NAME ") T";
	char path[32], text[64];
	int saved_errno = errno;
	bool killed;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	proc_file_read(path, text, sizeof(text));
	killed = pid != 0 && strstr(text, stopped) && kill((pid_t)pid, SIGKILL) == 0;
	errno = saved_errno;
	return killed;
}
