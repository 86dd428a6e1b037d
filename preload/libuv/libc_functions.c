/* SPDX-License-Identifier: Apache-2.0
 *
 * See libc_functions.h.
 */
#include "libc_functions.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>

#include "ring/clock.h"

void libc_clock_find(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	void *function = libc ? dlsym(libc, "clock_gettime") : NULL;

	if (function)
		clock_gettime_real = (__typeof__(clock_gettime_real))function;
}

/* libc is always there, so these need no check. */
static void *libc_function(void *_Atomic *slot, const char *name)
{
	void *function = atomic_load(slot);

	if (__builtin_expect(!function, 0)) {
		int saved_errno = errno;

		function = dlsym(RTLD_NEXT, name);
		atomic_store(slot, function);
		errno = saved_errno;
	}
	return function;
}

int libc_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	static void *_Atomic slot;

	return ((__typeof__(&epoll_wait))libc_function(&slot, "epoll_wait"))(epfd, events, max,
									     timeout);
}

int libc_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
		     const sigset_t *mask)
{
	static void *_Atomic slot;

	return ((__typeof__(&epoll_pwait))libc_function(&slot, "epoll_pwait"))(epfd, events, max,
									       timeout, mask);
}

int libc_epoll_create1(int flags)
{
	static void *_Atomic slot;

	return ((__typeof__(&epoll_create1))libc_function(&slot, "epoll_create1"))(flags);
}

int libc_accept(int fd, struct sockaddr *address, socklen_t *bytes)
{
	static void *_Atomic slot;

	return ((__typeof__(&accept))libc_function(&slot, "accept"))(fd, address, bytes);
}

int libc_accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
	static void *_Atomic slot;

	return ((__typeof__(&accept4))libc_function(&slot, "accept4"))(fd, address, bytes, flags);
}

int libc_pthread_create(pthread_t *tid, const pthread_attr_t *attr, void *(*entry)(void *),
			void *arg)
{
	static void *_Atomic slot;

	return ((__typeof__(&pthread_create))libc_function(&slot, "pthread_create"))(tid, attr,
										     entry, arg);
}

int libc_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	static void *_Atomic slot;

	return ((__typeof__(&pthread_cond_wait))libc_function(&slot, "pthread_cond_wait"))(cond,
											   mutex);
}
