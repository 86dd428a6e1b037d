/* SPDX-License-Identifier: Apache-2.0
 *
 * The thread pointer of a thread of the program: where its C library keeps what it knows of it.
 */
#ifndef THREAD_POINTER_H
#define THREAD_POINTER_H

#include "remote_memory.h"
#include "runtimes.h"

/* As it was stopped; else, of a thread that sleeps or runs, as the kernel can tell where glibc's
 * block of it lies (x86-64). On x86-64 it is what pthread_self() returns. 0: not known. */
uint64_t thread_pointer_of(struct remote_memory *memory, const struct runtime_thread *thread);

#endif
