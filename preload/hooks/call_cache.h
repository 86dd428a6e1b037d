/* SPDX-License-Identifier: Apache-2.0
 *
 * What a call of the program into libuv resolves to: the copy's function, and the thunk that
 * replaces the callback. It is resolved once per calling address and then cached by the thread
 * (`calls` in struct thread). The tables behind it (modules, copies, the hash of sites, the sites)
 * span six cache lines, which a busy server has evicted by the next call.
 *
 * Rules: a cached result never changes (copies stay loaded, sites live for ever). What must be
 * counted or decided at each call is not cached: a callback that got no site, or a caller that is
 * our own code.
 */
#ifndef CALL_CACHE_H
#define CALL_CACHE_H

#include "dispatch.h"
#include "libuv/libuv_copy.h"
#include "program/thread.h"

/* The slow half of call_find. `room` is for what is not remembered. errno is kept. */
const struct call *call_look_up(struct call *scratch, uint32_t key, void *callback, void *caller);

/* KIND_ and REAL_ together: two functions may be called from one address, where a callback's last
 * act is a jump. */
#define CALL_KEY(kind, function) ((uint32_t)(function) << 16 | (kind))

/* In the place of a kind's number, for a call that makes a handle of that kind, or stops one. */
#define CALL_IS_MAKING	 0x100u
#define CALL_IS_STOPPING 0x200u

/* What `function`, called at `caller` with that callback, comes to. Valid until the thread's next
 * call. */
static inline const struct call *call_find(struct call *scratch, uint32_t key, void *callback,
					   void *caller)
{
	const struct call *call;

	caller = dispatch_true_caller(caller);
	call = &thread_current->calls[thread_call_slot(caller, key)];
	if (__builtin_expect(
		!!(call->caller != caller || call->callback != callback || call->key != key), 0))
		call = call_look_up(scratch, key, callback, caller);
	libuv_copy_last = call->copy;
	return call;
}

#endif
