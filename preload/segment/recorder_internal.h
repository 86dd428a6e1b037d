/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of recorder.h: recorder.c keeps the memory, dump_files.c writes dumps. Nobody else
 * includes this.
 */
#ifndef RECORDER_INTERNAL_H
#define RECORDER_INTERNAL_H

#include "recorder.h"
#include "writer_internal.h"

#define RECORDER_HELD "held"

/* The directory of what is held: its descriptor, -errno or -reason. */
int recorder_open_held(const char *from, bool make);

/* Removes the files in it. */
void recorder_empty(int dir);

/* A writer by which trace_files_walk() finds the recorder's segments. 0 or -EINVAL. */
int recorder_source(struct writer *source, const struct recorder_dump *dump);

#endif
