/* SPDX-License-Identifier: Apache-2.0
 *
 * The library's life: start, end. One constructor and one destructor, both in libtrace.c.
 */
#ifndef LIBTRACE_H
#define LIBTRACE_H

/* Reads the options and makes the page that a fork empties. Runs once, from the constructor or from the first call
 * that needs it. */
void libtrace_start(void);

#endif
