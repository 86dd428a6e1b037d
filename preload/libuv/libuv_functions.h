/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of libuv: its functions by number, its code's range, its file. Prototypes come from <uv.h>
 * by typeof, so a wrapper that forwards wrongly does not compile.
 */
#ifndef LIBUV_FUNCTIONS_H
#define LIBUV_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "libuv_text.h"

#if !(UV_VERSION_HEX >= ((1 << 16) | (46 << 8)))
int uv_pipe_connect2(uv_connect_t *req, uv_pipe_t *handle, const char *name, size_t name_bytes,
		     unsigned int flags, uv_connect_cb cb);
#endif

enum libuv_function {
#define FUNCTION(name, use, arguments) REAL_##name,
#include "functions.def"
#undef FUNCTION
	REAL_COUNT,
	/* uv_write2, for a uv_write: libuv_write_direct() decides */
	REAL_uv_write_direct = REAL_COUNT,
	REAL_SLOTS
};

/* What libuv calls it, by its number. */
const char *libuv_function_name(size_t function);

struct libuv_copy {
	void *functions[REAL_SLOTS]; /* NULL: this libuv lacks it */
	struct text_range text;
	char path[256]; /* of the file that holds it; empty where that is not known */
};

/* The copy that this thread called last; NULL before its first call. */
extern __thread const struct libuv_copy *libuv_copy_last;

/* The same function of the copy that this thread called last: inside a call of that copy. */
#define REAL_AGAIN(name) ((__typeof__(&name))libuv_copy_last->functions[REAL_##name])

#endif
