/* SPDX-License-Identifier: Apache-2.0
 *
 * Stops a thread that computes, takes its registers and its stack, and lets it go (look.h).
 *
 * PTRACE_SEIZE sends no signal and stops nothing; PTRACE_INTERRUPT stops at the next return to user space; a signal
 * that comes just then is handed on when the thread is let go; one that was stopped by SIGSTOP before stays so. Whoever
 * waits for the program's signals, children or stops sees nothing. Should this process die meanwhile, the kernel lets
 * the thread go. A thread that computes when it is looked at and begins to sleep before it is interrupted goes on
 * sleeping, as after SIGSTOP and SIGCONT: of all waits only those that signal(7) names there, like epoll_wait(), return
 * with EINTR.
 */
#include "look.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

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

#else

/* DWARF's numbers: x0 ... x30, sp, pc, as they lie. */
#define REGISTER_COUNT 33
#define REGISTER_SP    31
#define REGISTER_PC    32

static uint64_t register_of(const struct user_regs_struct *set, uint32_t number)
{
	return number < REGISTER_SP ? set->regs[number] : number == REGISTER_SP ? set->sp : set->pc;
}

#endif

_Static_assert(REGISTER_COUNT <= TRACE_STALL_REGISTERS_MAX, "registers");

static int registers_take(const struct look_at *at, struct look *look)
{
	struct user_regs_struct set;
	struct iovec vector = {&set, sizeof(set)};

	if (ptrace(PTRACE_GETREGSET, at->tid, NT_PRSTATUS, &vector) != 0)
		return -errno;
	look->register_count = REGISTER_COUNT;
	for (uint32_t i = 0; i < REGISTER_COUNT; i++)
		look->registers[i] = register_of(&set, i);
	look->sp = look->registers[REGISTER_SP];
	look->pc = look->registers[REGISTER_PC];
	look_read_stack(at, look);
	return 0;
}

/* What it stopped for: ours, a group's stop, or a signal that is about to be delivered, which is to be handed on. */
static int signal_of(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
}

int look_stop(const struct look_at *at, struct look *look)
{
	int status, error;
	pid_t waited;

	if (ptrace(PTRACE_SEIZE, at->tid, NULL, NULL) != 0)
		return -errno;
	/* Fails only where the thread is gone: then the wait says so. */
	ptrace(PTRACE_INTERRUPT, at->tid, NULL, NULL);
	do
		waited = waitpid((pid_t)at->tid, &status, __WALL);
	while (waited < 0 && errno == EINTR);
	if (waited < 0 || !WIFSTOPPED(status))
		return waited < 0 ? -errno : -ESRCH;
	error = registers_take(at, look);
	ptrace(PTRACE_DETACH, at->tid, NULL, (void *)(intptr_t)signal_of(status));
	return error;
}
