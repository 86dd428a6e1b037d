/* SPDX-License-Identifier: Apache-2.0
 *
 * In place of libc's: no thread can be made here, so whoever asks for one does the work itself.
 */
#ifndef VIEWER_PTHREAD_H
#define VIEWER_PTHREAD_H

#include <errno.h>
#include <sys/types.h> /* has the types, without the functions */

#define PTHREAD_COND_INITIALIZER                                                                   \
	{                                                                                          \
		{                                                                                  \
			{                                                                          \
				0                                                                  \
			}                                                                          \
		}                                                                                  \
	}
#define PTHREAD_MUTEX_INITIALIZER                                                                  \
	{                                                                                          \
		{                                                                                  \
			{                                                                          \
				0                                                                  \
			}                                                                          \
		}                                                                                  \
	}

static inline int pthread_create(pthread_t *thread, const void *attributes, void *(*run)(void *),
				 void *arg)
{
	(void)thread;
	(void)attributes;
	(void)run;
	(void)arg;
	return EAGAIN;
}

static inline int pthread_join(pthread_t thread, void **result)
{
	(void)thread;
	(void)result;
	return ESRCH;
}

static inline int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

static inline int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

static inline int pthread_mutex_init(pthread_mutex_t *mutex, const void *attributes)
{
	(void)mutex;
	(void)attributes;
	return 0;
}

static inline int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	(void)mutex;
	return 0;
}

static inline int pthread_cond_init(pthread_cond_t *condition, const void *attributes)
{
	(void)condition;
	(void)attributes;
	return 0;
}

static inline int pthread_cond_destroy(pthread_cond_t *condition)
{
	(void)condition;
	return 0;
}

static inline int pthread_cond_broadcast(pthread_cond_t *condition)
{
	(void)condition;
	return 0;
}

/* Nobody else could ever signal: with one thread nobody waits. */
static inline int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
	(void)condition;
	(void)mutex;
	return 0;
}

#endif
