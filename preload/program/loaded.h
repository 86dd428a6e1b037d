/* SPDX-License-Identifier: Apache-2.0
 *
 * What is loaded into this process when recording begins, noted in shared memory: a program that is killed before
 * the drain has looked at /proc/PID/maps would leave addresses without names.
 */
#ifndef LOADED_H
#define LOADED_H

#include "ring/shared.h"

/* Fills in shared->loaded and shared->loaded_bytes. Slow: once a process. */
void loaded_describe(struct shared *shared);

#endif
