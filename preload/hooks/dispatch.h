/* SPDX-License-Identifier: Apache-2.0
 *
 * dispatch runs a site's callback between PollStart and PollEnd. Called by the thunks only.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include <stdint.h>

struct site;

void dispatch(void *a, void *b, void *c, void *d, void *e, const struct site *site);

extern const char __start_uvtrace_dispatch[], __stop_uvtrace_dispatch[];

/* See dispatch_true_caller, for a caller in dispatch. */
void *dispatch_tail_caller(void *caller);

/* A callback whose last act is a call into libuv is compiled to a jump, and then dispatch seems to
 * have called. Returns an address in the running callback then (its second byte: return addresses
 * lie behind a call), else `caller`. */
static inline void *dispatch_true_caller(void *caller)
{
	uint64_t text_bytes = __stop_uvtrace_dispatch - __start_uvtrace_dispatch;

	if (__builtin_expect((uintptr_t)caller - (uintptr_t)__start_uvtrace_dispatch >= text_bytes,
			     1))
		return caller;
	return dispatch_tail_caller(caller);
}

#endif
