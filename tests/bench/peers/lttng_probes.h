/* SPDX-License-Identifier: Apache-2.0
 *
 * The probes of idle_loop.c for LTTng-UST (see idle_loop.c, peers.sh).
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "peers/lttng_provider.h"

#define PROBE_START(handle) lttng_ust_tracepoint(uvloop, poll_start, handle)
#define PROBE_END(handle)   lttng_ust_tracepoint(uvloop, poll_end, handle)
