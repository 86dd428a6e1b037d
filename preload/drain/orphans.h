/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings that were left when a program and whoever drained it died together: drains them into files and removes them.
 *
 * Rules: only a ring that nobody has mapped any more, which the kernel itself says (a read lease is granted on files
 * alone that nobody can write to), whatever pid or namespace its owner had; and of two who want it, one (a lock on the
 * file). Only regular files of our own user, private and with one name, never through a link. What is in such a file
 * decides nothing: it is copied, never written to, and drained into the heir's own path with the heir's own limits,
 * if that is where it would have gone. Whoever is killed over this leaves the ring to the next one; what both wrote
 * is doubles, which readers pass over.
 */
#ifndef ORPHANS_H
#define ORPHANS_H

#include "ring/shared.h"

/* Who recovers: where and how its own trace is written, and the boot of its clock. */
struct orphans_heir {
	struct shared_options options;
	uint8_t boot_id[16];
};

struct orphans_visitor {
	/* Of each ring: 0 it was drained and is gone, -EXDEV it goes to another path, else what went wrong. May be
	 * NULL. */
	void (*visit)(const struct shared *ring, int error, void *arg);
	void *arg;
};

/* In /dev/shm and in the folder of the heir's trace. */
void orphans_recover(const struct orphans_heir *heir, const struct orphans_visitor *visitor);

#endif
