/* SPDX-License-Identifier: Apache-2.0
 *
 * What the hooks know of libuv, for the ring file: its version and path, how its calls are seen,
 * and which are not.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "format/trace_tables.h"
#include "hooks.h"
#include "libuv/by_patch.h"
#include "libuv/libuv_copy.h"
#include "libuv/static_libuv.h"

/* Text that is cut off at its end. */
struct text {
	char *at;
	size_t left;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
	va_list arguments;
	int bytes;

	va_start(arguments, format);
	bytes = vsnprintf(text->at, text->left, format, arguments);
	va_end(arguments);
	if (bytes < 0)
		return;
	if ((size_t)bytes >= text->left)
		bytes = text->left ? (int)text->left - 1 : 0;
	text->at += bytes;
	text->left -= (size_t)bytes;
}

/* The functions that are refused for one reason, and why. */
static void put_refused(struct text *text, enum entry_reason reason)
{
	const struct static_plan *plan = &by_patch_state()->plan;
	size_t count = 0;

	for (size_t i = 0; i < REAL_COUNT; i++)
		if (plan->plans[i].reason == reason && !static_plan_is_noted(i))
			put(text, "%s%s", count++ ? ", " : "callbacks of ", libuv_function_name(i));
	if (count)
		put(text, " are not seen in this program, because %s; ", entry_reason_text(reason));
}

/* Handles that are made or stopped by these are not seen to be. */
static void put_unnoted(struct text *text)
{
	const struct static_plan *plan = &by_patch_state()->plan;
	size_t count = 0;

	for (size_t i = 0; i < REAL_COUNT; i++)
		if (static_plan_is_noted(i) && plan->plans[i].reason > ENTRY_ABSENT)
			put(text, "%s%s",
			    count++ ? ", " : "; not patched: ", libuv_function_name(i));
}

static void describe_patched(struct shared *shared)
{
	const struct by_patch *by = by_patch_state();
	struct text note = {shared->libuv_note, sizeof(shared->libuv_note)};
	struct text how = {shared->libuv_how, sizeof(shared->libuv_how)};
	size_t bytes;

	for (int reason = ENTRY_ABSENT + 1; reason < ENTRY_REASONS; reason++)
		put_refused(&note, reason);
	bytes = strlen(shared->libuv_note);
	if (bytes >= 2)
		shared->libuv_note[bytes - 2] = '\0'; /* "; " */
	put(&how,
	    "%u functions of libuv in the executable patched in %u us; its code: 0x%jx to 0x%jx",
	    by->patched, by->took_ns / 1000, (uintmax_t)by->plan.parts.text.start,
	    (uintmax_t)(by->plan.parts.text.start + by->plan.parts.text.bytes));
	put_unnoted(&how);
}

static enum static_outcome unseen_outcome(void)
{
	if (by_patch_state()->plan.outcome != STATIC_ABSENT)
		return by_patch_state()->plan.outcome;
	if (!static_libuv_is_certain())
		return STATIC_LIKELY;
	return by_patch_state()->is_wanted ? STATIC_NO_NAMES : STATIC_OFF;
}

static void describe_unseen(struct shared *shared)
{
	const struct static_plan *plan = &by_patch_state()->plan;
	struct text note = {shared->libuv_note, sizeof(shared->libuv_note)};
	enum static_outcome outcome = unseen_outcome();

	put(&note, "the libuv in this program is not patched, because %s",
	    static_outcome_text(outcome));
	if (plan->outcome == STATIC_CORE)
		put(&note, ": %s, because %s", libuv_function_name(plan->failed),
		    entry_reason_text(plan->plans[plan->failed].reason));
}

static void describe_tier(struct shared *shared)
{
	if (by_patch_state()->plan.outcome == STATIC_DONE) {
		shared->tier = TRACE_TIER_PATCHED;
		describe_patched(shared);
	} else if (static_libuv_is_unseen()) {
		shared->tier = TRACE_TIER_LIBC;
		describe_unseen(shared);
	} else {
		shared->tier = TRACE_TIER_FULL;
	}
	if (shared->tier != TRACE_TIER_LIBC && !libuv_own_calls_seen)
		shared->unseen |= SHARED_UNSEEN_POOL_ITEMS;
}

/* fs requests are all of one type; the offset of their struct uv__work is what PoolItemEnd is
 * matched by. */
static void describe_requests(struct shared *shared)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (trace_kinds[kind].class == KIND_CLASS_POOL)
			shared->work_req_offset[kind] = offsetof(uv_fs_t, work_req);
	shared->work_req_offset[KIND_AFTER_WORK] = offsetof(uv_work_t, work_req);
	shared->work_req_offset[KIND_GETADDRINFO] = offsetof(uv_getaddrinfo_t, work_req);
	shared->work_req_offset[KIND_GETNAMEINFO] = offsetof(uv_getnameinfo_t, work_req);
	shared->work_req_offset[KIND_RANDOM] = offsetof(uv_random_t, work_req);
}

void hooks_describe(struct shared *shared)
{
	describe_requests(shared);
	describe_tier(shared);
	shared->libuv_version = libuv_version_hex();
	memcpy(shared->libuv_path, libuv_copy_first()->path, sizeof(shared->libuv_path));
}
