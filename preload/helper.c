/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the helper process by clone(CLONE_VM | CLONE_VFORK), twice, without an exit signal, then exec: the program
 * is never copied, gets no SIGCHLD, and has no child that wait() could find; the helper belongs to init.
 *
 * Rules: between clone and exec the child shares our memory and stack pages of our choosing, so it calls
 * async-signal-safe functions only and runs with every signal blocked. It keeps no descriptor of the program:
 * all are closed first, then the ring file becomes 0 and /dev/null 1 and 2.
 */
#include "helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER_NAME	    "uvtrace-drain"
#define STACK_BYTES	    16384
#define KERNEL_SIGSET_BYTES 8

struct spawn {
	const char *ring_path;
	char helper_path[SHARED_PATH_BYTES];
	volatile int error; /* written by the child, whose memory is ours */
};

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

static int grandchild(void *arg)
{
	struct spawn *spawn = arg;
	char *argv[] = {(char *)HELPER_NAME, (char *)"0", NULL};
	char *envp[] = {NULL}; /* above all no LD_PRELOAD: a helper that traces itself makes helpers without end */
	int ring;

	/* The limits are this process' own; as many files as it may have. */
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	close_all();
	ring = open(spawn->ring_path, O_RDWR | O_NOFOLLOW);
	if (ring == 0 && open("/dev/null", O_RDWR) == 1 && dup(1) == 2)
		execve(spawn->helper_path, argv, envp);
	spawn->error = errno ? errno : EIO;
	_exit(127);
}

static int child(void *arg)
{
	struct spawn *spawn = arg;

	if (clone(grandchild, grandchild_stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, spawn) < 0)
		spawn->error = errno;
	_exit(0);
}

/* Beside the library: build/libtrace.so, build/uvtrace-drain. */
static int find_helper(char *path)
{
	Dl_info info;
	const char *slash;
	size_t folder_bytes;

	if (!dladdr((void *)helper_spawn, &info) || !info.dli_fname || !(slash = strrchr(info.dli_fname, '/')))
		return -ENOENT;
	folder_bytes = slash - info.dli_fname + 1;
	if (folder_bytes + sizeof(HELPER_NAME) > SHARED_PATH_BYTES)
		return -ENAMETOOLONG;
	memcpy(path, info.dli_fname, folder_bytes);
	memcpy(path + folder_bytes, HELPER_NAME, sizeof(HELPER_NAME));
	return access(path, X_OK) ? -errno : 0;
}

int helper_spawn(const struct shared *shared)
{
	static struct spawn spawn; /* too large for the stack of some programs' threads; one call a process */
	int saved_errno = errno;
	uint64_t old_signals;
	int rc = find_helper(spawn.helper_path);
	pid_t pid;

	if (rc) {
		errno = saved_errno;
		return rc;
	}
	spawn.ring_path = shared->self_path;
	spawn.error = 0;
	signals_block(&old_signals);
	pid = clone(child, child_stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, &spawn);
	if (pid < 0)
		spawn.error = errno;
	else
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	signals_restore(&old_signals);
	errno = saved_errno;
	return -spawn.error;
}
