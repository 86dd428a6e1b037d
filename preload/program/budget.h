/* SPDX-License-Identifier: Apache-2.0
 *
 * How much memory all rings of a process may take together. It is a small part of what the machine,
 * the container and /dev/shm have, because it counts as the program's own memory.
 */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdint.h>

#define BUDGET_BYTES_MAX (64ull << 20)
#define BUDGET_SHARE	 16 /* of the memory limit: one part in so many */

/* Bytes that this process may use, by the smallest limit of its memory cgroup and that group's
 * ancestors, as far as they are visible here (cgroup v1 and v2); UINT64_MAX: there is none. */
uint64_t budget_memory_limit(void);

/* The same of a process whose /proc/PID/cgroup and mountinfo are these two files; for the tests. */
uint64_t budget_memory_limit_of(const char *cgroup_path, const char *mountinfo_path);

/* Bytes of rings by a memory limit and by the bytes that are free where they will lie. */
uint64_t budget_bytes(uint64_t memory_limit, uint64_t free_bytes);

/* Bytes of ring files in /dev/shm whose programs, of this user, are gone: as much of the limit is
 * taken until a helper has removed them. */
uint64_t budget_left_bytes(void);

#endif
