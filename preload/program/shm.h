/* SPDX-License-Identifier: Apache-2.0
 *
 * The ring file. It is created in /dev/shm, or beside the trace if /dev/shm is not usable. It is
 * mapped and its descriptor closed at once, because a program may close or reuse any number.
 */
#ifndef SHM_H
#define SHM_H

#include "ring/shared.h"

/* Makes and maps the ring file for this process and fills in all that is known of it (shared.h,
 * "Identity"). NULL where that is impossible, which it says on standard error. */
struct shared *shm_create(void);

/* The options in the form that the drain reads. */
void shm_fill_options(struct shared_options *options);

#endif
