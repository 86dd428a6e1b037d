/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the interposed names. Prototypes come from <uv.h> by typeof, so a wrapper that forwards
 * wrongly does not compile.
 *
 * A process may hold several copies of libuv (a program's own, one inside a plugin), so each call goes to the copy
 * that its caller is linked with: REAL() looks at the wrapper's return address. The last piece is a comparison
 * with the range of the module that called first; others are looked for in a short list. Where we seem to have called
 * ourselves (libuv's uv_write jumps to uv_write2; a callback's last act is a jump) it is the copy that this thread
 * called last.
 */
#ifndef REAL_H
#define REAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>
#include <uv.h>

#include "real_text.h"

#if !(UV_VERSION_HEX >= ((1 << 16) | (46 << 8)))
int uv_pipe_connect2(uv_connect_t *req, uv_pipe_t *handle, const char *name, size_t name_bytes, unsigned int flags,
		     uv_connect_cb cb);
#endif

enum real_index {
#define REAL_FUNCTION(name) REAL_##name,
#include "real.def"
#undef REAL_FUNCTION
	REAL_COUNT,
	/* uv_write2, for a uv_write: see real.c */
	REAL_uv_write_direct = REAL_COUNT,
	REAL_SLOTS
};

struct real_copy { /* one libuv */
	void *functions[REAL_SLOTS];
	char path[256]; /* as in struct shared */
};

struct real_module { /* code that calls libuv: its range, and the copy that it is linked with */
	uintptr_t start;
	_Atomic uintptr_t bytes; /* 0: not there yet */
	const struct real_copy *copy;
};

#define REAL_MODULES_MAX 64

extern struct real_module real_modules[REAL_MODULES_MAX];
extern __thread const struct real_copy *real_last; /* NULL before this thread's first call */

/* The copy that code at `caller` is linked with. Slow. errno is kept. */
const struct real_copy *real_find(void *caller);

/* Whether that is code of this library. */
bool real_is_own(const void *address);

/* The libuv that was called first; before that, one that has no function. */
const struct real_copy *real_first(void);

/* True if the program's own executable has libuv inside, so that its calls never come here. */
bool real_uv_is_static(void);

/* uv_version() of that libuv, or of the first one; 0 if it cannot be asked. */
uint32_t real_version(void);

static inline void *real_get(enum real_index index, void *caller)
{
	const struct real_module *module = &real_modules[0];
	const struct real_copy *copy;

	/* Acquire: pairs with the release that publishes a module. */
	if (__builtin_expect((uintptr_t)caller - module->start <
				 __atomic_load_n((const uintptr_t *)&module->bytes, __ATOMIC_ACQUIRE),
			     1))
		copy = module->copy;
	else
		copy = real_find(caller);
	real_last = copy;
	return copy->functions[index];
}

#define REAL(name) ((__typeof__(&name))real_get(REAL_##name, __builtin_return_address(0)))

/* The same function of the copy that this thread called last: inside a call of that copy. */
#define REAL_AGAIN(name) ((__typeof__(&name))real_last->functions[REAL_##name])

/* Calls it, or says that this libuv has no such function. */
#define REAL_CALL(name, ...)                                                                                           \
	({                                                                                                             \
		__typeof__(&name) real_function = REAL(name);                                                          \
		real_function ? real_function(__VA_ARGS__) : UV_ENOSYS;                                                \
	})

/* libc's own, never NULL. */
int real_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout);
int real_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout, const sigset_t *mask);
int real_pthread_create(pthread_t *tid, const pthread_attr_t *attr, void *(*entry)(void *), void *arg);
int real_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);

/* That of libc itself, past every preload: what the program takes for the time is not asked for here. */
typedef int real_clock(clockid_t clock, struct timespec *now);
real_clock *real_clock_gettime(void);

#endif
