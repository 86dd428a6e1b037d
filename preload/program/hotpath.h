/* SPDX-License-Identifier: Apache-2.0
 *
 * Every file of the hot path includes this last. It has shorthands, and a list of names that must
 * not be used there, so that a call which allocates, locks or prints does not compile.
 */
#ifndef HOTPATH_H
#define HOTPATH_H

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define EXPORT	    __attribute__((visibility("default")))
#define CALLER	    __builtin_return_address(0)

#pragma GCC poison malloc calloc realloc free strdup printf fprintf snprintf puts fopen syslog
#pragma GCC poison pthread_mutex_lock pthread_rwlock_rdlock sem_wait abort exit _exit assert

#endif
