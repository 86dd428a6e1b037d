/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines on standard error: built on the stack, one write(2), prefixed, capped at 16 a process,
 * quiet by default below "warn". Never from a hook's hot path. errno is kept.
 */
#ifndef LOG_H
#define LOG_H

#include <stdint.h>

/* `level`: enum shared_log, what is said from now on. Remembers what standard error is now: nothing
 * is ever written when it has become something else. */
void log_start(uint64_t level);

void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
