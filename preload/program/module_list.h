/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of loaded modules, stored in shared memory when recording begins. Without it, a program
 * that is killed before the drain has read /proc/PID/maps would leave addresses without names.
 */
#ifndef MODULE_LIST_H
#define MODULE_LIST_H

#include "ring/shared.h"

/* Fills in shared->loaded and shared->loaded_bytes. Slow: once a process. */
void module_list_describe(struct shared *shared);

#endif
