/* SPDX-License-Identifier: Apache-2.0
 *
 * preload/observe/stall_probe_stop.c: a thread that is stopped in a wait goes on waiting as if
 * nothing had been, and its own signals end waits as ever. A child waits again and again, and
 * counts; the test stops it as often as it can without stopping time.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "observe/stall_probe.h"

#define WAIT_NS	 500000
#define LOOKS	 600
#define SIGNALS	 300
#define PAUSE_US 10000 /* at most, between looks: each begins the time-out of a wait anew */

static struct {
	_Atomic uint32_t calls[16], interrupted[16], odd[16];
	_Atomic uint32_t waiting, handled; /* of the test of signals */
} * seen;

static int uring_fd, epoll_fd, semaphore, sockets[2], listener;
static sigset_t real_time;

static void setup(void)
{
	const struct timeval timeout = {.tv_usec = WAIT_NS / 1000};

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(seen, MAP_FAILED);
	uring_fd = (int)syscall(SYS_io_uring_setup, 1, &(struct io_uring_params){0});
	epoll_fd = epoll_create1(0);
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert(epoll_fd >= 0 && semaphore >= 0 && listener >= 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	cr_assert_eq(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
	cr_assert_eq(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	sigemptyset(&real_time);
	sigaddset(&real_time, SIGRTMIN);
}

static void teardown(void)
{
	semctl(semaphore, 0, IPC_RMID);
}

TestSuite(probe, .init = setup, .fini = teardown, .timeout = 60);

/* ---- Waits ----------------------------------------------------------------------------------- */

static const struct timespec wait_time = {.tv_nsec = WAIT_NS};

static ssize_t by_epoll_wait(void)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, 1);
}

static ssize_t by_epoll_pwait(void)
{
	struct epoll_event event;

	return epoll_pwait(epoll_fd, &event, 1, 1, &real_time);
}

static ssize_t by_semtimedop(void)
{
	struct sembuf take = {.sem_op = -1};

	return semtimedop(semaphore, &take, 1, &wait_time);
}

static ssize_t by_sigtimedwait(void)
{
	return sigtimedwait(&real_time, NULL, &wait_time);
}

static ssize_t by_recv(void)
{
	char byte;

	return recv(sockets[0], &byte, 1, 0);
}

static ssize_t by_read(void)
{
	char byte;

	return read(sockets[0], &byte, 1);
}

static ssize_t by_accept(void)
{
	return accept(listener, NULL, NULL);
}

/* Where there is no io_uring there is no wait. */
static ssize_t by_io_uring(void)
{
	struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&wait_time};

	errno = ETIME;
	return uring_fd < 0
		   ? -1
		   : syscall(SYS_io_uring_enter, uring_fd, 0, 1,
			     IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
}

static ssize_t by_poll(void)
{
	struct pollfd descriptor = {.fd = sockets[0], .events = POLLIN};

	return poll(&descriptor, 1, 1);
}

static ssize_t by_nanosleep(void)
{
	return nanosleep(&wait_time, NULL);
}

static const struct {
	const char *name;
	ssize_t (*wait)(void);
	int error; /* when the time is over; 0: returns 0 */
} waits[] = {
    {"epoll_wait", by_epoll_wait, 0},
    {"epoll_pwait", by_epoll_pwait, 0},
    {"semtimedop", by_semtimedop, EAGAIN},
    {"sigtimedwait", by_sigtimedwait, EAGAIN},
    {"recv", by_recv, EAGAIN},
    {"read", by_read, EAGAIN},
    {"accept", by_accept, EAGAIN},
    {"io_uring_enter", by_io_uring, ETIME},
    {"poll", by_poll, 0},
    {"nanosleep", by_nanosleep, 0},
};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

static void wait_for_ever(void)
{
	sigprocmask(SIG_BLOCK, &real_time, NULL);
	for (uint32_t i = 0;; i = (i + 1) % WAITS) {
		ssize_t got = waits[i].wait();
		int error = got < 0 ? errno : 0;

		atomic_fetch_add(&seen->calls[i], 1);
		if (error == EINTR)
			atomic_fetch_add(&seen->interrupted[i], 1);
		else if (error != waits[i].error || got > 0)
			atomic_fetch_add(&seen->odd[i], 1);
	}
}

static pid_t child_start(void (*run)(void))
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run();
	}
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool probe_take_of(pid_t pid)
{
	static struct probe probe;
	int error = stall_probe_stop(
	    &(struct probe_target){.pid = (uint32_t)pid, .tid = (uint32_t)pid, .may_stop = true},
	    &probe);

	if (error == -EPERM)
		cr_skip_test("processes may not be stopped here");
	return error == 0;
}

Test(probe, waits_go_on_after_a_stop)
{
#if !defined(__x86_64__)
	cr_skip_test("the kernel has decided before the stop here");
#endif
	pid_t pid = child_start(wait_for_ever);

	for (uint32_t i = 0; i < LOOKS; i++) {
		cr_assert(probe_take_of(pid));
		usleep((useconds_t)(random() % PAUSE_US));
	}
	child_end(pid);
	for (uint32_t i = 0; i < WAITS; i++) {
		cr_expect_gt(seen->calls[i], 10, "%s: ended %u times only", waits[i].name,
			     seen->calls[i]);
		cr_expect_eq(seen->interrupted[i], 0, "%s: EINTR %u times of %u", waits[i].name,
			     seen->interrupted[i], seen->calls[i]);
		cr_expect_eq(seen->odd[i], 0, "%s: %u odd ends", waits[i].name, seen->odd[i]);
	}
}

/* ---- The program's own signals --------------------------------------------------------------- */

static void on_signal(int number)
{
	(void)number;
	atomic_fetch_add(&seen->handled, 1);
}

/* The signal can only come inside of the wait, so each one ends one: a wait that did not end would
 * last for ever. */
static void wait_for_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t usual, blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, &usual);
	sigdelset(&usual, SIGUSR1);
	sigaction(SIGUSR1, &action, NULL);
	for (;;) {
		struct epoll_event event;

		atomic_fetch_add(&seen->waiting, 1);
		if (epoll_pwait(epoll_fd, &event, 1, -1, &usual) != -1 || errno != EINTR)
			atomic_fetch_add(&seen->odd[0], 1);
		if (atomic_load(&seen->handled) != atomic_load(&seen->waiting))
			atomic_fetch_add(&seen->interrupted[0], 1);
	}
}

Test(probe, signals_of_the_program_end_waits_as_ever)
{
	pid_t pid = child_start(wait_for_signals);

	for (uint32_t i = 1; i <= SIGNALS; i++) {
		while (atomic_load(&seen->waiting) < i)
			usleep(10);
		for (long looks = random() % 4; looks > 0; looks--)
			cr_assert(probe_take_of(pid));
		cr_assert_eq(kill(pid, SIGUSR1), 0);
		for (long looks = random() % 4; looks > 0; looks--)
			cr_assert(probe_take_of(pid));
	}
	while (atomic_load(&seen->waiting) <= SIGNALS)
		usleep(10);
	child_end(pid);
	cr_expect_eq(seen->handled, SIGNALS);
	cr_expect_eq(seen->odd[0], 0, "%u waits ended otherwise", seen->odd[0]);
	cr_expect_eq(seen->interrupted[0], 0, "%u waits ended without a signal",
		     seen->interrupted[0]);
}
