/* SPDX-License-Identifier: Apache-2.0
 *
 * The drain: moves records from the rings into files and samples queues and workers, until the
 * program ends. The same code runs as the helper process (uvtrace_drain.c) and as a thread of the
 * program (start_thread()). So it uses libc only, allocates only at its start, prints nothing, and
 * keeps no descriptor that it got from the program.
 */
#ifndef DRAIN_H
#define DRAIN_H

#include "gone.h"
#include "ring/shared.h"

/* Drains until the program ends: in the helper, until program_gone says so; in a thread, until
 * shared->exiting. `shared` has been checked (ring_check.h). Sets shared->drain_state to
 * DRAIN_RUNNING at its start and to DRAIN_DONE at its end. Returns 0, or -errno where nothing could
 * be written at all (the program runs on).
 */
int drain_run(struct shared *shared, _Atomic uint32_t *program_gone);

#endif
