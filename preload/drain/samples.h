/* SPDX-License-Identifier: Apache-2.0
 *
 * When samples are taken, and of which workers (sampler.h says what they are). Part of the drain.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdbool.h>

#include "rings.h"

/* Begins workers that have no samples yet: those that have ended, of which /proc says nothing and
 * whose ring is freed next, or the others. */
void samples_begin(struct drain *drain, bool ended);

/* Takes samples when it is time to: a ring that fills quickly makes many ticks, which need not all
 * have some. `flushes`: everything is written in this tick. */
void samples_take_due(struct drain *drain, bool flushes);

#endif
