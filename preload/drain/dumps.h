/* SPDX-License-Identifier: Apache-2.0
 *
 * The flight recorder's dumps, as the drain makes them: whoever asks (ring/dump_request.h), when
 * the time after it has passed, the drain seals the segment, holds what covers the range, and has
 * it written. So does a program that was killed.
 *
 * Rules: a thread writes, for the disk may stand still, and the drain goes on meanwhile: one dump
 * at a time. At the program's end, and where the descriptors are the program's own, the drain
 * writes itself. Nothing that is asked for goes without an answer.
 */
#ifndef DUMPS_H
#define DUMPS_H

#include <stdbool.h>

struct drain;

void dumps_init(struct drain *drain);

/* Notes what is asked for, and gives the answer of what has been written. */
void dumps_note(struct drain *drain);

/* Writes the one that is due: everything up to now is in the open segment. */
void dumps_write_due(struct drain *drain);

/* In how many milliseconds one is due, -1: none is asked for. */
int dumps_wait_ms(const struct drain *drain);

/* The last segment is sealed: writes what is still asked for and, of a program that died, what led
 * to it. */
void dumps_finish(struct drain *drain);

/* How the program ended is known now: gives the memory back. False: it stays, with the ring, as
 * what led to the program's death could not be written. */
bool dumps_end(struct drain *drain);

#endif
