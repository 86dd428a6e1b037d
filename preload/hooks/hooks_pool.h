/* SPDX-License-Identifier: Apache-2.0
 *
 * Submission of requests whose work the thread pool does. They are recorded like any request, and
 * counted for the queue's depth. A request that libuv gave to io_uring is recognized by its unset
 * work_req.done.
 */
#ifndef HOOKS_POOL_H
#define HOOKS_POOL_H

#include "hooks.h"

#define POOL_SUBMIT(name, kind, callback)                                                          \
	submit_begin(CALL_KEY(KIND_##kind, REAL_##name), (void *)(callback), CALLER, true)

static inline int pool_submit_end(const struct submit *submit, const void *request, int rc)
{
	if (submit->thread && rc == 0)
		thread_add(&submit->thread->ring->pool_submitted, 1);
	return submit_end(submit, request, rc);
}

#endif
