/* SPDX-License-Identifier: Apache-2.0
 *
 * See thread_pointer.h. The kernel knows where a thread's list of robust mutexes is. In glibc that
 * is a part of the thread's own block (struct pthread), which begins with its address and has the
 * thread's id: where both are right, the block was found.
 */
#include "thread_pointer.h"

#include <sys/syscall.h>
#include <unistd.h>

#define PTHREAD_SELF_AT	  0x10
#define PTHREAD_TID_AT	  0x2d0
#define PTHREAD_ROBUST_AT 0x2e0

uint64_t thread_pointer_of(struct remote_memory *memory, const struct runtime_thread *thread)
{
	uint64_t head = 0, block;
	size_t bytes = 0;

	if (thread->thread_pointer)
		return thread->thread_pointer;
#if !defined(__x86_64__)
	return 0;
#endif
	if (syscall(SYS_get_robust_list, thread->tid, &head, &bytes) != 0 ||
	    head <= PTHREAD_ROBUST_AT)
		return 0;
	block = head - PTHREAD_ROBUST_AT;
	return remote_u64(memory, block + PTHREAD_SELF_AT) == block &&
		       remote_u32(memory, block + PTHREAD_TID_AT) == thread->tid
		   ? block
		   : 0;
}
