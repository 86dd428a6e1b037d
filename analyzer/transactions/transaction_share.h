/* SPDX-License-Identifier: Apache-2.0
 *
 * What transactions spent their time on, together: by part, and by the callbacks that are named
 * for it. transactions.h includes this, and has the words.
 */
#ifndef TRANSACTION_SHARE_H
#define TRANSACTION_SHARE_H

#include <stdint.h>

enum transaction_part {
#define PART(name, key, label) PART_##name,
#include "transaction_parts.def"
#undef PART
	TRANSACTION_PARTS
};

/* Behind which callback, and for how long. site_count: the loop itself, or callbacks that are not
 * told apart (too many, or too short to matter). Entries with ticks 0 are not used. */
struct transaction_behind {
	uint32_t site;
	uint64_t ticks;
};

#define TRANSACTION_SHARE_NAMES 8

/* What some transactions of a signature spent their time on, together. */
struct transaction_share {
	uint64_t count, ticks;
	uint64_t parts[TRANSACTION_PARTS];
	struct transaction_behind behind_by[TRANSACTION_SHARE_NAMES]; /* the longest first */
	struct transaction_behind busy_by[TRANSACTION_SHARE_NAMES];
};

#endif
