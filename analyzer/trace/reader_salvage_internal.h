/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the salvage share: reader_salvage.c has the ring file and its records,
 * reader_salvage_tables.c what the ring says of the process.
 */
#ifndef READER_SALVAGE_INTERNAL_H
#define READER_SALVAGE_INTERNAL_H

#include "reader_internal.h"
#include "ring/shared.h"

struct salvage {
	struct reader *reader;
	size_t file_index, process;
	struct shared *shared;
};

/* Texts, modules, clock, kinds, sites and names, where no file has them. 0 or -ENOMEM. */
int salvage_tables(struct salvage *salvage);

#endif
