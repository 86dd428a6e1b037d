/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes the helper process, invisibly to the program: see helper.c.
 */
#ifndef HELPER_H
#define HELPER_H

#include <stdbool.h>

#include "ring/shared.h"

/* Finds out where the helper lies, at the start: the library's path may be relative to a directory
 * that the program leaves. */
void helper_find(void);

/* Orphans come to this process: it is the first of its pid namespace, or has made itself a
 * subreaper. The helper would become its child, with a SIGCHLD and all (exec and adoption both give
 * a process its exit signal back). */
bool helper_would_be_adopted(void);

/* Starts uvtrace-drain on this ring file. 0, or -errno when it could not be made: the caller drains
 * in a thread. Does not wait for the exec; what may go wrong before it is found here. errno is
 * kept. */
int helper_spawn(const struct shared *shared);

/* Between helper_spawn() and the exec. */
bool helper_is_leaving(void);

/* -errno of the exec, if the last helper could not be executed; else 0. */
int helper_error(void);

/* Kills the helper with that pid if it was stopped (SIGSTOP): nobody else can take its place.
 * False: it was not, or that cannot be told. */
bool helper_kill_stopped(uint32_t pid);

#endif
