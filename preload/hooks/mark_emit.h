/* SPDX-License-Identifier: Apache-2.0
 *
 * Annotations of the program (uvtrace.h): a mark or span becomes a few records with one time,
 * committed together. Each name is interned once into a table in shared memory. A mark with a known
 * name costs a look-up in a small table by the address of its text, and a comparison.
 *
 * Rules: those of the hot path; any thread may call, signal handlers too. Names live as long as the
 * process; a forked child starts over. A mark without a free name is counted.
 */
#ifndef MARK_EMIT_H
#define MARK_EMIT_H

#include <stdint.h>

struct uvtrace_field;

/* `code` is TRACE_MARK, TRACE_SPAN_BEGIN or TRACE_SPAN_END. Of more fields than
 * TRACE_MARK_FIELDS_MAX the first are taken. errno is kept. */
void mark_emit(uint32_t code, const char *name, uint64_t value, const struct uvtrace_field *fields,
	       uint32_t count);

#endif
