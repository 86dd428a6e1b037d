/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings that remained because a program and its drain died together. They are drained into files
 * and removed.
 *
 * Rules: only a ring that no process has mapped any more, whatever pid or namespace its owner had.
 * The kernel itself says so: it grants a read lease only on a file that nobody can write to. A lock
 * on the file lets only one recoverer proceed. Only regular files of our own user, private, with
 * one name, never through a link. The content of such a file decides nothing. It is copied, never
 * written to, and drained into the recoverer's own path with its own limits, if the ring's trace
 * had that path. If a recoverer is killed, the ring is left for the next one. What both wrote are
 * doubles, which readers skip.
 */
#ifndef ORPHANS_H
#define ORPHANS_H

#include "ring/shared.h"

/* Who recovers: where and how its own trace is written, and the boot of its clock. */
struct orphans_recoverer {
	struct shared_options options;
	uint8_t boot_id[16];
};

struct orphans_visitor {
	/* Of each ring: 0 it was drained and is gone, -EXDEV it goes to another path, else what
	 * went wrong. May be NULL. */
	void (*visit)(const struct shared *ring, int error, void *arg);
	void *arg;
};

/* Searches /dev/shm and the directory of the recoverer's trace. */
void orphans_recover(const struct orphans_recoverer *recoverer,
		     const struct orphans_visitor *visitor);

#endif
