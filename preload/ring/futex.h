/* SPDX-License-Identifier: Apache-2.0
 *
 * Futexes between processes: plain calls, no lock is built on them.
 */
#ifndef FUTEX_H
#define FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Returns when woken, when *word is not `expected`, or after timeout_ms (-1: never). errno is kept.
 */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t expected, int timeout_ms)
{
	struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000l};
	int saved_errno = errno;

	syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
	errno = saved_errno;
}

static inline void futex_wake(_Atomic uint32_t *word)
{
	int saved_errno = errno;

	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	errno = saved_errno;
}

#endif
