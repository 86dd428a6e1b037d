/* SPDX-License-Identifier: Apache-2.0
 *
 * What LTTng-UST needs to record a callback's start and end as uvtrace does: two events, each with
 * the address of the handle. The layout (read again by lttng's own headers) is lttng's rule.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER uvloop
#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "./peers/lttng_provider.h"

#if !defined(LTTNG_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define LTTNG_PROVIDER_H

#include <lttng/tracepoint.h>
#include <stdint.h>

LTTNG_UST_TRACEPOINT_EVENT(uvloop, poll_start, LTTNG_UST_TP_ARGS(const void *, handle),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer_hex(uint64_t, handle,
									   (uintptr_t)handle)))
LTTNG_UST_TRACEPOINT_EVENT(uvloop, poll_end, LTTNG_UST_TP_ARGS(const void *, handle),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer_hex(uint64_t, handle,
									   (uintptr_t)handle)))

#endif

#include <lttng/tracepoint-event.h>
