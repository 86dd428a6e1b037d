/* SPDX-License-Identifier: Apache-2.0
 *
 * The helper process: `uvtrace-drain RING [MAPS]`. The traced program starts it with the ring file
 * and its own /proc/self/maps as these descriptors, /dev/null as 1 and 2 (and as 0 once the ring
 * is mapped), and nothing else open. It drains until the program is gone (drain.c does the work).
 * It has no other tie to the program: its own session, no signal meant for the program, no
 * descriptor, directory or terminal.
 *
 * Rules: it prints nothing and traces nothing. Whatever goes wrong, it exits quietly and the
 * program runs on.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "observe/attach.h"
#include "drain.h"
#include "ring/control.h"
#include "ring/ring_file.h"
#include "orphans.h"
#include "observe/maps.h"
#include "files/proc_file.h"
#include "format/version.h"

#define PROCESS_NAME  "uvtrace-drain"
#define WATCHER_STACK 65536
#define ORPHANS_STACK (256 * 1024)
#define FALL_BACK_MS  1000 /* between looks at the program where there is no pidfd */

struct watch {
	struct shared *shared;
	pid_t pid;
	int pidfd; /* -1: the kernel has none */
	_Atomic uint32_t gone;
};

static void daemonize(void)
{
	static const int ignored[] = {SIGHUP,  SIGINT,	  SIGQUIT, SIGPIPE, SIGTERM, SIGTSTP,
				      SIGTTIN, SIGTTOU,	  SIGXFSZ, SIGXCPU, SIGALRM, SIGUSR1,
				      SIGUSR2, SIGVTALRM, SIGPROF, SIGIO};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	umask(077);
	prctl(PR_SET_NAME, PROCESS_NAME, 0, 0, 0);
	if (chdir("/") != 0) /* then it stays where it is: every path is absolute */
		errno = 0;
}

/* The ring file, mapped; its descriptor is given up. NULL if it is not one, or if it may be
 * somebody else's: what it says is done with the rights of this process. */
static struct shared *ring_map(int fd)
{
	struct shared *shared;
	struct stat stat;

	if (ring_file_remember(fd, &stat) != 0 || attach_map(fd, &stat, &shared) != 0)
		return NULL;
	if (dup2(STDOUT_FILENO, fd) < 0)
		close(fd);
	return shared;
}

static bool is_alive(const struct watch *watch)
{
	return kill(watch->pid, 0) == 0 || errno != ESRCH;
}

/* As linux/pidfd.h has it since 6.15. */
struct exit_info {
	uint64_t mask, cgroup;
	uint32_t ids[11];
	int32_t status;
};
#define EXIT_INFO     _IOWR(0xFF, 11, struct exit_info)
#define EXIT_INFO_BIT 8
#define EXIT_FIELD    50 /* exit_code in /proc/PID/stat, counted behind the name: state is 1 */

/* Of one that nobody has waited for yet. */
static bool zombie_status(pid_t pid, int *status)
{
	char text[1024], *at, *next = NULL;

	if (proc_file_read_task((uint32_t)pid, (uint32_t)pid, "stat", text, sizeof(text)) <= 0)
		return false;
	at = strrchr(text, ')');
	at = at ? strtok_r(at + 1, " ", &next) : NULL;
	if (!at || strcmp(at, "Z") != 0)
		return false;
	for (int i = 1; at && i < EXIT_FIELD; i++)
		at = strtok_r(NULL, " \n", &next);
	*status = at ? atoi(at) : 0;
	return at != NULL;
}

/* Of one that somebody has waited for; the kernel keeps it as long as there is a pidfd. */
static bool reaped_status(int pidfd, int *status)
{
	struct exit_info info = {.mask = EXIT_INFO_BIT};

	if (ioctl(pidfd, EXIT_INFO, &info) != 0 || !(info.mask & EXIT_INFO_BIT))
		return false;
	*status = info.status;
	return true;
}

/* How the program ended, as program_gone says it. */
static uint32_t gone_value(const struct watch *watch)
{
	int status = 0;

	if (watch->pidfd < 0 ||
	    !(reaped_status(watch->pidfd, &status) || zombie_status(watch->pid, &status) ||
	      reaped_status(watch->pidfd, &status)))
		return PROGRAM_GONE;
	return PROGRAM_GONE | PROGRAM_GONE_STATUS |
	       (uint32_t)(status & 0xffff) << PROGRAM_GONE_SHIFT;
}

static void *watch_program(void *arg)
{
	struct watch *watch = arg;
	struct pollfd poll_fd = {.fd = watch->pidfd, .events = POLLIN};

	if (watch->pidfd >= 0)
		while (poll(&poll_fd, 1, -1) <= 0)
			;
	else
		while (is_alive(watch))
			poll(NULL, 0, FALL_BACK_MS);
	/* Release: pairs with the drain's acquire. What the program wrote before it ended is there.
	 */
	atomic_store_explicit(&watch->gone, gone_value(watch), memory_order_release);
	drain_wake(watch->shared);
	return NULL;
}

/* The pid may be another process's by now: one that has not mapped our ring. */
static void watch_start(struct watch *watch)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int mapped;

	watch->pidfd = (int)syscall(SYS_pidfd_open, watch->pid, 0);
	mapped = maps_has_path((uint32_t)watch->pid, watch->shared->self_path);
	/* -ENOENT may also say that there is no /proc here. */
	if (mapped == 0 || mapped == -ESRCH || (mapped == -ENOENT && !is_alive(watch))) {
		watch->gone = PROGRAM_GONE;
		return;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, WATCHER_STACK);
	pthread_create(&thread, &attributes, watch_program, watch);
}

/* However this process dies, the kernel will mark drain_life, and the program makes another helper.
 * False if there is one already: there is never more than one. */
static bool life_start(struct shared *shared)
{
	static struct robust_list entry;
	static struct robust_list_head head;
	uint32_t nobody = atomic_load(&shared->drain_life);

	entry.next = &head.list;
	head.list.next = &entry;
	head.futex_offset = (char *)&shared->drain_life - (char *)&entry;
	syscall(SYS_set_robust_list, &head, sizeof(head));
	return (nobody == 0 || nobody & FUTEX_OWNER_DIED) &&
	       atomic_compare_exchange_strong(&shared->drain_life, &nobody,
					      (uint32_t)syscall(SYS_gettid));
}

/* Recovers rings of earlier programs of the same trace that died with their drain (a restarted
 * service). */
static void *orphans_take(void *arg)
{
	struct shared *shared = arg;
	static struct orphans_recoverer recoverer;

	recoverer.options = shared->options;
	recoverer.options.path[sizeof(recoverer.options.path) - 1] = '\0';
	memcpy(recoverer.boot_id, shared->boot_id, sizeof(recoverer.boot_id));
	orphans_recover(&recoverer, &(struct orphans_visitor){0});
	/* The program's budget was smaller by this much. */
	atomic_fetch_add(&shared->grow_bytes, shared->held_bytes);
	shared->held_bytes = 0;
	return NULL;
}

/* Beside the program's own drain, which must not wait for it. */
static bool orphans_start(struct shared *shared, pthread_t *thread)
{
	pthread_attr_t attributes;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, ORPHANS_STACK);
	return pthread_create(thread, &attributes, orphans_take, shared) == 0;
}

static int version_print(void)
{
	static const char text[] = PROCESS_NAME " (uvtrace) " UVTRACE_VERSION "\n";

	return write(STDOUT_FILENO, text, sizeof(text) - 1) == sizeof(text) - 1 ? 0 : 1;
}

/* A descriptor's number, or -1. */
static int fd_parse(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	return end == text || *end != '\0' || fd < 0 || fd > INT_MAX ? -1 : (int)fd;
}

int main(int argc, char **argv)
{
	static struct watch watch;
	pthread_t orphans;
	bool has_orphans;
	int ring_fd, error;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return version_print();
	ring_fd = argc == 2 || argc == 3 ? fd_parse(argv[1]) : -1;
	if (ring_fd < 0)
		return 2;
	daemonize();
	watch.shared = ring_map(ring_fd);
	if (!watch.shared)
		return 1;
	watch.pid = (pid_t)watch.shared->pid;
	if (!life_start(watch.shared))
		return 0;
	if (argc == 3)
		maps_use(fd_parse(argv[2]));
	atomic_store(&watch.shared->drain_pid, (uint32_t)getpid());
	watch_start(&watch);
	has_orphans = orphans_start(watch.shared, &orphans);
	error = drain_run(watch.shared, &watch.gone);
	if (has_orphans) /* stopping half-way would make another repeat it */
		pthread_join(orphans, NULL);
	return error == 0 ? 0 : 1;
}
