/* SPDX-License-Identifier: Apache-2.0
 *
 * See syscalls.h.
 */
#include "syscalls.h"

#include <stddef.h>

#include "format/trace_format.h"

struct entry {
	const char *name;
	int16_t x86_64, aarch64;
	uint8_t role;
};

static const struct entry entries[] = {
#define SYSCALL(name, x86_64, aarch64, role) {#name, x86_64, aarch64, SYSCALL_##role},
#include "format/trace_syscalls.def"
#undef SYSCALL
};

static const struct entry *entry_of(uint16_t machine, int64_t number)
{
	for (size_t i = 0; number >= 0 && i < sizeof(entries) / sizeof(*entries); i++) {
		if ((machine == TRACE_MACHINE_X86_64 && entries[i].x86_64 == number) ||
		    (machine == TRACE_MACHINE_AARCH64 && entries[i].aarch64 == number))
			return &entries[i];
	}
	return NULL;
}

const char *syscall_name(uint16_t machine, int64_t number)
{
	const struct entry *entry = entry_of(machine, number);

	return entry ? entry->name : NULL;
}

enum syscall_role syscall_role(uint16_t machine, int64_t number)
{
	const struct entry *entry = entry_of(machine, number);

	return entry ? entry->role : SYSCALL_NONE;
}
