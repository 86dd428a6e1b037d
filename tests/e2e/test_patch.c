/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs with libuv linked into them: what is patched, what is refused, and that a refusal
 * changes not one byte of the program (fixtures/own_text compares its code with its file). That
 * nothing is missing in a patched program is held by `make check-static`, which runs all other
 * tests with such programs.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "patch_helper.h"

TestSuite(patch, .init = harness_enter, .fini = harness_leave, .timeout = 60);

Test(patch, exported)
{
	check(&(struct expected){.program = EXPORTED, .patched = true});
}

Test(patch, hidden)
{
	check(&(struct expected){.program = HIDDEN, .patched = true});
}

Test(patch, switched_off)
{
	check(&(struct expected){.program = EXPORTED,
				 .env = "UVTRACE_PATCH=0",
				 .note = "because UVTRACE_PATCH=0 says so"});
	harness_leave();
	harness_enter();
	check(&(struct expected){.program = HIDDEN, .env = "UVTRACE_PATCH=0"});
}

/* ---- What others have done before us --------------------------------------------------------- */

Test(patch, breakpoint_on_a_function)
{
	check(&(struct expected){
	    .program = EXPORTED,
	    .meddle = "int3:uv_fs_rename",
	    .patched = true,
	    .changed_by_others = 1,
	    .note =
		"callbacks of uv_fs_rename are not seen in this program, because a breakpoint"});
}

Test(patch, function_changed_by_another_tracer)
{
	check(&(struct expected){.program = EXPORTED,
				 .meddle = "jump:uv_fs_rename",
				 .patched = true,
				 .changed_by_others = 1,
				 .note = "callbacks of uv_fs_rename are not seen in this program"});
}

Test(patch, needed_function_cannot_be_patched)
{
	check(&(struct expected){.program = EXPORTED,
				 .meddle = "int3:uv_queue_work",
				 .changed_by_others = 1,
				 .note = "cannot be patched: uv_queue_work, because a breakpoint"});
}

Test(patch, another_thread_is_there)
{
	check(&(struct expected){.program = EXPORTED,
				 .meddle = "thread",
				 .note = "because other threads ran before it could be patched"});
}

/* What was moved is called before anything is patched. The zones are those of the file. */
Test(patch, failed_self_test)
{
	check(
	    &(struct expected){.program = EXPORTED,
			       .meddle = "answer:uv_idle_start",
			       .changed_by_others = 1,
			       .note = "because the moved functions did not answer as libuv does"});
}

/* ---- What the system refuses ----------------------------------------------------------------- */

#ifndef PR_SET_MDWE
#define PR_SET_MDWE		 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* Nothing that is not executable can become so; stays across exec. */
static int no_exec_gain(void)
{
	return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
}

Test(patch, written_memory_may_not_be_executed)
{
	check(&(struct expected){.program = EXPORTED, .prepare = no_exec_gain, .patched = true});
}

#define ARG_LOW(n) (offsetof(struct seccomp_data, args) + 8 * (n))

/* As systemd's MemoryDenyWriteExecute: mprotect(... PROT_EXEC) and mmap(... WRITE | EXEC) say
 * EPERM. */
static int no_write_execute(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(2)),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 5, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(2)),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_EXEC | PROT_WRITE),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_EXEC | PROT_WRITE, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

Test(patch, seccomp_denies_write_and_execute)
{
	check(
	    &(struct expected){.program = EXPORTED, .prepare = no_write_execute, .patched = true});
}

/* Nothing executable can be had at all. */
static int no_execute(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 3, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG_LOW(2)),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

Test(patch, no_executable_memory)
{
	check(&(struct expected){.program = EXPORTED,
				 .prepare = no_execute,
				 .note = "because the system gives no executable memory"});
}

/* /proc/self/mem is there, and cannot be written. */
static int mem_read_only(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("/proc", "/proc", NULL, MS_BIND, NULL) ||
	       mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
}

Test(patch, code_may_not_be_written)
{
	check(&(struct expected){
	    .program = EXPORTED,
	    .prepare = mem_read_only,
	    .note = "because the system does not let the program's code be written"});
}

static int no_proc(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/proc", "tmpfs", 0, NULL);
}

Test(patch, no_proc)
{
	check(&(struct expected){.program = EXPORTED,
				 .prepare = no_proc,
				 .note = "because other threads ran before it could be patched"});
}
