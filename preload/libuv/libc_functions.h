/* SPDX-License-Identifier: Apache-2.0
 *
 * libc's own functions behind the libc names that are wrapped. Never NULL.
 */
#ifndef LIBC_FUNCTIONS_H
#define LIBC_FUNCTIONS_H

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

int libc_epoll_create1(int flags);
int libc_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout);
int libc_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout,
		     const sigset_t *mask);
int libc_accept(int fd, struct sockaddr *address, socklen_t *bytes);
int libc_accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags);
int libc_pthread_create(pthread_t *tid, const pthread_attr_t *attr, void *(*entry)(void *),
			void *arg);
int libc_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

/* Sets clock_gettime_real to that of libc itself, past every preload: what the program takes for
 * the time is not asked for here. Slow; before the clock is read first. */
void libc_clock_find(void);

#endif
