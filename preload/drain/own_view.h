/* SPDX-License-Identifier: Apache-2.0
 *
 * What a drain has of files by itself, though it may be a thread of the program.
 */
#ifndef OWN_VIEW_H
#define OWN_VIEW_H

#include <stdbool.h>

#include "ring/shared.h"

/* Takes root, directory and descriptors of its own. False: the descriptors are the program's. */
bool own_view_take(const struct shared *shared);

/* Removes the ring file: only if it is the one that is mapped here. */
void own_view_unlink(const char *ring_path);

#endif
