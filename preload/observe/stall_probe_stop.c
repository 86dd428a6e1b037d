/* SPDX-License-Identifier: Apache-2.0
 *
 * Stops a computing thread, reads its registers and its stack, and lets it go (stall_probe.h).
 *
 * PTRACE_SEIZE sends no signal and stops nothing. PTRACE_INTERRUPT stops at the next return to user
 * space. A signal that arrives meanwhile is delivered when the thread is let go. A thread that
 * SIGSTOP had stopped stays stopped. Whoever waits for the program's signals, children or stops
 * sees nothing. If this process dies meanwhile, the kernel lets the thread go.
 *
 * A thread may begin to sleep between the check and the interrupt. The kernel restarts most system
 * calls then. Those that signal(7) lists under "Interruption of system calls and library functions
 * by stop signals", like epoll_wait(), would return EINTR. On x86-64 they are restarted too: the
 * error in the register becomes ERESTARTNOHAND, with which the kernel restarts the others. The
 * kernel reads it when the stop is over, and still returns EINTR if a signal handler of the program
 * runs. A relative time-out starts over. On aarch64 the kernel has decided before the stop, and
 * such a wait returns EINTR.
 */
#include "stall_probe.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/proc_file.h"
#include "ring/clock.h"

#if defined(__x86_64__)

#define REGISTER(field) offsetof(struct user_regs_struct, field)

/* DWARF's numbers: rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15, return address. */
static const uint16_t register_offsets[] = {
    REGISTER(rax), REGISTER(rdx), REGISTER(rcx), REGISTER(rbx), REGISTER(rsi), REGISTER(rdi),
    REGISTER(rbp), REGISTER(rsp), REGISTER(r8),	 REGISTER(r9),	REGISTER(r10), REGISTER(r11),
    REGISTER(r12), REGISTER(r13), REGISTER(r14), REGISTER(r15), REGISTER(rip),
};
#define REGISTER_COUNT (sizeof(register_offsets) / sizeof(register_offsets[0]))
#define REGISTER_SP    7
#define REGISTER_PC    16

static uint64_t register_of(const struct user_regs_struct *set, uint32_t number)
{
	return *(const uint64_t *)((const char *)set + register_offsets[number]);
}

static uint64_t thread_pointer_of(const struct user_regs_struct *set)
{
	return set->fs_base;
}

#else

/* DWARF's numbers: x0 ... x30, sp, pc, as they lie. */
#define REGISTER_COUNT 33
#define REGISTER_SP    31
#define REGISTER_PC    32

static uint64_t register_of(const struct user_regs_struct *set, uint32_t number)
{
	return number < REGISTER_SP ? set->regs[number] : number == REGISTER_SP ? set->sp : set->pc;
}

/* It is in a register of its own, which no reader of this machine needs yet. */
static uint64_t thread_pointer_of(const struct user_regs_struct *set)
{
	(void)set;
	return 0;
}

#endif

_Static_assert(REGISTER_COUNT <= TRACE_STALL_REGISTERS_MAX, "registers");

/* ---- Waits that the stop ended --------------------------------------------------------------- */

#if defined(__x86_64__)

#define KERNEL_ERESTARTNOHAND 514 /* never seen by programs */

/* Calls that return EINTR only where they have done nothing yet, so that they can be made again. */
static const uint16_t restartable[] = {
    SYS_epoll_wait,	 SYS_epoll_pwait,   SYS_epoll_pwait2,	SYS_semop,   SYS_semtimedop,
    SYS_rt_sigtimedwait, SYS_accept,	    SYS_accept4,	SYS_connect, SYS_recvfrom,
    SYS_recvmsg,	 SYS_recvmmsg,	    SYS_sendto,		SYS_sendmsg, SYS_sendmmsg,
    SYS_io_getevents,	 SYS_io_pgetevents, SYS_io_uring_enter,
};

/* Those that do on sockets; of other files nothing is known. */
static const uint16_t restartable_on_sockets[] = {SYS_read, SYS_readv, SYS_write, SYS_writev};

static bool has_number(const uint16_t *numbers, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

static bool is_socket(const struct probe_target *at, int fd)
{
	static const char socket[] = "socket:[";
	char path[64], target[sizeof(socket)] = "";

	snprintf(path, sizeof(path), "/proc/%u/task/%u/fd/%d", at->pid, at->tid, fd);
	return readlink(path, target, sizeof(socket) - 1) == sizeof(socket) - 1 &&
	       strcmp(target, socket) == 0;
}

/* Its first argument is where it was; an interrupt leaves no number of a call. */
static bool is_restartable(const struct probe_target *at, const struct user_regs_struct *set)
{
	uint64_t number = set->orig_rax;

	return has_number(restartable, sizeof(restartable) / sizeof(restartable[0]), number) ||
	       (has_number(restartable_on_sockets,
			   sizeof(restartable_on_sockets) / sizeof(restartable_on_sockets[0]),
			   number) &&
		is_socket(at, (int)set->rdi));
}

static void wait_resume(const struct probe_target *at, const struct user_regs_struct *set)
{
	if (set->rax == (uint64_t)-EINTR && is_restartable(at, set))
		ptrace(PTRACE_POKEUSER, at->tid, offsetof(struct user, regs.rax),
		       (void *)-(intptr_t)KERNEL_ERESTARTNOHAND);
}

#else

static void wait_resume(const struct probe_target *at, const struct user_regs_struct *set)
{
	(void)at;
	(void)set;
}

#endif

/* ---- The stop -------------------------------------------------------------------------------- */

static int registers_take(const struct probe_target *at, struct probe *probe)
{
	struct user_regs_struct set;
	struct iovec vector = {&set, sizeof(set)};

	if (ptrace(PTRACE_GETREGSET, at->tid, NT_PRSTATUS, &vector) != 0)
		return -errno;
	probe->register_count = REGISTER_COUNT;
	for (uint32_t i = 0; i < REGISTER_COUNT; i++)
		probe->registers[i] = register_of(&set, i);
	probe->sp = probe->registers[REGISTER_SP];
	probe->pc = probe->registers[REGISTER_PC];
	probe->thread_pointer = thread_pointer_of(&set);
	if (at->innermost) /* it ran on before it was stopped */
		probe->frame_sp = stall_probe_frame(at);
	stall_probe_read_stack(at, probe);
	wait_resume(at, &set);
	if (at->visit)
		at->visit(at, probe);
	return 0;
}

/* What it stopped for: ours, a group's stop, or a signal that is about to be delivered, which is to
 * be handed on. */
static int signal_of(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
}

uint32_t stall_probe_tracer(const struct probe_target *at)
{
	char text[2048];
	const char *line;

	if (proc_file_read_task(at->pid, at->tid, "status", text, sizeof(text)) <= 0)
		return 0;
	line = strstr(text, "\nTracerPid:");
	return line ? (uint32_t)strtoul(line + strlen("\nTracerPid:"), NULL, 10) : 0;
}

static int seize(const struct probe_target *at, struct probe *probe)
{
	int error;

	if (ptrace(PTRACE_SEIZE, at->tid, NULL, NULL) == 0)
		return 0;
	error = -errno;
	if (error == -EPERM)
		probe->tracer = stall_probe_tracer(at);
	return error;
}

int stall_probe_stop(const struct probe_target *at, struct probe *probe)
{
	uint64_t asked_ns;
	int status, error = seize(at, probe);
	pid_t waited;

	if (error)
		return error;
	asked_ns = clock_mono_ns();
	/* Fails only where the thread is gone: then the wait says so. */
	ptrace(PTRACE_INTERRUPT, at->tid, NULL, NULL);
	do
		waited = waitpid((pid_t)at->tid, &status, __WALL);
	while (waited < 0 && errno == EINTR);
	if (waited < 0 || !WIFSTOPPED(status))
		return waited < 0 ? -errno : -ESRCH;
	error = registers_take(at, probe);
	/* From when it was asked to stop: that is soon, and this process may come to run much
	 * later. The thread may run in our place as soon as it is let go. */
	probe->stopped_ns = clock_mono_ns() - asked_ns;
	ptrace(PTRACE_DETACH, at->tid, NULL, (void *)(intptr_t)signal_of(status));
	return error;
}
