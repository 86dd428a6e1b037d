/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions behind the interposed names, each resolved at its first call. Prototypes come from <uv.h>
 * by typeof, so a wrapper that forwards wrongly does not compile.
 */
#ifndef REAL_H
#define REAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <uv.h>

#include "real_text.h"

#if !(UV_VERSION_HEX >= ((1 << 16) | (46 << 8)))
int uv_pipe_connect2(uv_connect_t *req, uv_pipe_t *handle, const char *name, size_t name_bytes, unsigned int flags,
		     uv_connect_cb cb);
#endif

enum real_index {
#define REAL_FUNCTION(name, library) REAL_##name,
#include "real.def"
#undef REAL_FUNCTION
	REAL_COUNT
};

extern void *_Atomic real_table[REAL_COUNT];

/* Looks `index` up; NULL where it does not exist. Slow. errno is kept. */
void *real_resolve(enum real_index index);

/* Path of the libuv that calls go to, "" before the first call. */
const char *real_uv_path(void);

/* True if the program's own executable has libuv inside, so that its calls never come here. */
bool real_uv_is_static(void);

static inline void *real_get(enum real_index index)
{
	void *function = __atomic_load_n((void **)&real_table[index], __ATOMIC_RELAXED);

	return __builtin_expect(function != NULL, 1) ? function : real_resolve(index);
}

#define REAL(name) ((__typeof__(&name))real_get(REAL_##name))

#endif
