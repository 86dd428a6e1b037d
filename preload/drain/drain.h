/* SPDX-License-Identifier: Apache-2.0
 *
 * The drain: takes records out of the rings, has them encoded and written, samples queues and workers, until
 * the program ends. The same code runs as the helper process (uvtrace_drain.c) and as a thread of the program
 * (start_thread()), so it uses libc only, allocates at its start alone, prints nothing, and keeps no descriptor
 * that it got from the program.
 */
#ifndef DRAIN_H
#define DRAIN_H

#include "ring/shared.h"

/* Drains until the program ends: in the helper, until program_gone says so; in a thread, until shared->exiting.
 * `shared` has been checked (ring_check.h). Sets shared->drain_state to DRAIN_RUNNING at its start and to
 * DRAIN_DONE at its end. Returns 0, or -errno where nothing could be written at all (the program runs on).
 */
int drain_run(struct shared *shared, _Atomic uint32_t *program_gone);

#endif
