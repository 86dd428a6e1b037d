/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers one question: which libuv does this caller use, with which functions and which text
 * range? The wrappers in hooks/ ask here and do not know how a copy was found.
 *
 * A process may hold several copies of libuv (its own, one inside a plugin), so each call goes to
 * the copy that its caller is linked with. The usual case is one comparison with the range of the
 * module that called first; other modules are in a short list. Our own code may appear to be the
 * caller: libuv's uv_write jumps to uv_write2, or a callback ends with a jump. Then it is the copy
 * that this thread called last.
 */
#ifndef LIBUV_COPY_H
#define LIBUV_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libuv_functions.h"

/* Code that calls libuv: its range, and the copy that it is linked with. */
struct libuv_caller {
	uintptr_t start;
	_Atomic uintptr_t bytes; /* 0: not there yet */
	const struct libuv_copy *copy;
};

#define LIBUV_CALLERS_MAX 64

extern struct libuv_caller libuv_callers[LIBUV_CALLERS_MAX];

/* Patches the libuv that the executable exports, or that lies in a small one with a symbol table,
 * if that is wanted. Once, from the constructor. */
void libuv_copy_start(bool wanted);

/* Code at `caller` makes a descriptor for waits: perhaps a libuv in the executable, whose names are
 * not exported, begins its first loop. Then is the time to look for it, which takes milliseconds
 * and which no other program shall pay for. errno is kept. */
void libuv_copy_loop_begins(void *caller);

/* The copy that code at `caller` is linked with; one without any function where there is none.
 * Slow. errno is kept. */
const struct libuv_copy *libuv_copy_for_caller(void *caller);

/* Provided by dispatch.c, which alone knows the callbacks that run: where code of its own seems to
 * call, because a callback's last act was a jump into libuv, an address in that callback; else
 * `caller`. */
void *libuv_true_caller(void *caller);

/* The libuv that was called first; before that, one that has no function. */
const struct libuv_copy *libuv_copy_first(void);

/* The version of that libuv, or of the one in the executable; 0: not known. */
uint32_t libuv_version_hex(void);

static inline void *libuv_function_for(enum libuv_function function, void *caller)
{
	const struct libuv_caller *first = &libuv_callers[0];
	const struct libuv_copy *copy;

	/* Acquire: pairs with the release in caller_add(). */
	if (__builtin_expect(
		(uintptr_t)caller - first->start <
		    __atomic_load_n((const uintptr_t *)&first->bytes, __ATOMIC_ACQUIRE),
		1))
		copy = first->copy;
	else
		copy = libuv_copy_for_caller(caller);
	libuv_copy_last = copy;
	return copy->functions[function];
}

/* The function behind the wrapper in which this stands, for the wrapper's caller. */
#define REAL(name) ((__typeof__(&name))libuv_function_for(REAL_##name, __builtin_return_address(0)))

/* Calls it, or says that this libuv has no such function. */
#define REAL_CALL(name, ...)                                                                       \
	({                                                                                         \
		__typeof__(&name) real_function = REAL(name);                                      \
		real_function ? real_function(__VA_ARGS__) : UV_ENOSYS;                            \
	})

#endif
