/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of system calls by machine and number, and what to show of their arguments
 * (preload/format/trace_syscalls.def).
 */
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include <stdint.h>

enum syscall_role {
	SYSCALL_NONE,
	SYSCALL_FD,
	SYSCALL_PATH,
	SYSCALL_AT_PATH,
	SYSCALL_POLL,
	SYSCALL_FUTEX,
	SYSCALL_TIME,
	SYSCALL_CLOCK_TIME,
	SYSCALL_PROCESS
};

/* `machine` as in ELF. NULL: not known. */
const char *syscall_name(uint16_t machine, int64_t number);
enum syscall_role syscall_role(uint16_t machine, int64_t number);

#endif
