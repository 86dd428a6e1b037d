/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a trigger of the flight recorder holds (UVTRACE_TRIGGER), by what the drain has anyway:
 * the longest callback and loop iteration that the encoder has met, what is open on each worker,
 * the counters of the pool. The program's exit is dumps.c's, a signal program/triggers.c's.
 *
 * Rules: nothing triggers that is not sure: what is measured is never longer than it was. It may
 * be seen a second later, for few records wait that long in their ring. A callback or iteration
 * counts once.
 */
#ifndef DRAIN_TRIGGERS_H
#define DRAIN_TRIGGERS_H

struct drain;

/* Looks, and asks for a dump. */
void triggers_look(struct drain *drain);

#endif
