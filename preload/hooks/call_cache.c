/* SPDX-License-Identifier: Apache-2.0
 *
 * See call_cache.h.
 */
#include "call_cache.h"

#include "libuv/own_code.h"
#include "site.h"

#define KIND_BITS 0xff

/* What libuv makes, starts and stops of its own accord is not told. */
static bool is_program(const void *caller)
{
	return !own_code_has(caller) && !libuv_is_text(caller);
}

/* A call that makes or stops a handle: there is no callback. False: as call_wrap. */
static bool call_note(struct call *call, uint32_t key, void *caller)
{
	const struct site *site;

	if (!is_program(caller))
		return true;
	if (key & CALL_IS_STOPPING) {
		call->code = TRACE_HANDLE_STOP;
		return true;
	}
	site = site_get(key & KIND_BITS, NULL, caller);
	if (site)
		call->code = TRACE_CODE_HANDLE + site_index(site);
	return site;
}

/* Fills in thunk and code. False: the result holds for this call only. Untraced callbacks are
 * counted each time, and of libuv functions that call each other only the outermost submits. */
static bool call_wrap(struct call *call, enum trace_kind kind, void *callback, void *caller)
{
	bool is_request = site_kind_is_request(kind);
	const struct site *site;

	/* libuv's own callbacks are filtered first, so that they use no sites. */
	if (site_is_thunk(callback) || (!is_request && (!callback || libuv_is_text(callback))))
		return true;
	if (is_request && thread_current->submitting)
		return false;
	site = site_get(kind, callback, caller);
	if (!site)
		return false;
	if (callback && !site->is_uv)
		call->thunk = site_thunk(site);
	if (is_request)
		call->code = TRACE_CODE_SUBMIT + site_index(site);
	else if (is_program(caller))
		call->code = TRACE_CODE_HANDLE + site_index(site);
	return true;
}

const struct call *call_look_up(struct call *scratch, uint32_t key, void *callback, void *caller)
{
	struct thread *thread = thread_current;
	bool is_own = own_code_has(caller), is_whole;

	*scratch =
	    (struct call){.caller = caller, .callback = callback, .thunk = callback, .key = key};
	scratch->copy = libuv_copy_for_caller(caller);
	scratch->real = scratch->copy->functions[key >> 16];
	is_whole = key & (CALL_IS_MAKING | CALL_IS_STOPPING)
		       ? call_note(scratch, key, caller)
		       : call_wrap(scratch, key & KIND_BITS, callback, caller);
	if (!is_whole || is_own || !scratch->real || !thread->ring)
		return scratch;
	thread->calls[thread_call_slot(caller, key)] = *scratch;
	return &thread->calls[thread_call_slot(caller, key)];
}
