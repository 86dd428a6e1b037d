/* SPDX-License-Identifier: Apache-2.0
 *
 * accept and accept4: where a process or the system has no descriptor left, libuv turns clients
 * away without a word, so that is recorded. All else passes through.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "hooks.h"
#include "libuv/libc_functions.h"
#include "program/hotpath.h"

/* The process' limit; 0: it is the system's that was reached. */
__attribute__((noinline, cold)) static void accept_failed(int error)
{
	struct rlimit files = {0};

	if (!thread_current->ring)
		return;
	if (error == EMFILE)
		getrlimit(RLIMIT_NOFILE, &files);
	hooks_emit(true, trace_word(files.rlim_cur & TRACE_OBJECT_MASK, TRACE_ACCEPT_FAILED));
	errno = error;
}

static inline int accept_result(int fd)
{
	if (unlikely(fd < 0) && (errno == EMFILE || errno == ENFILE))
		accept_failed(errno);
	return fd;
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *bytes)
{
	return accept_result(libc_accept(fd, address, bytes));
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	return accept_result(libc_accept4(fd, address, bytes, flags));
}
