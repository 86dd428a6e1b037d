/* SPDX-License-Identifier: Apache-2.0
 *
 * What the program says of itself (uvtrace.h): marks and spans become a few records with one time, committed
 * together. Names are interned into a table in shared memory, once each; a mark whose name was seen before costs a
 * look at a small table by the address of its text, and a comparison.
 *
 * Rules: those of the hot path, and any thread may call, signal handlers too. Names live as long as the process;
 * a forked child begins anew. What no name is left for is counted.
 */
#ifndef MARK_EMIT_H
#define MARK_EMIT_H

#include <stdint.h>

struct uvtrace_field;

/* `code` is TRACE_MARK, TRACE_SPAN_BEGIN or TRACE_SPAN_END. Of more fields than TRACE_MARK_FIELDS_MAX the first are
 * taken. errno is kept. */
void mark_emit(uint32_t code, const char *name, uint64_t value, const struct uvtrace_field *fields, uint32_t count);

#endif
