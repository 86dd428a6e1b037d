/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the helper process, invisibly to the program: see helper.c.
 */
#ifndef HELPER_H
#define HELPER_H

#include "shared.h"

/* Starts uvtrace-drain on this ring file. 0, or -errno when it could not be made: the caller drains in a thread.
 * Takes about as long as an exec. errno is kept. */
int helper_spawn(const struct shared *shared);

#endif
