/* SPDX-License-Identifier: Apache-2.0
 *
 * Advice by cause and by runtime: advice.def is the table. Which runtime a program has the trace
 * says: by the executable's name, by the libraries, by functions of scripts.
 */
#ifndef ADVICE_H
#define ADVICE_H

#include "stall.h"

enum runtime { RUNTIME_C, RUNTIME_NODE, RUNTIME_PYTHON, RUNTIME_LUA, RUNTIME_COUNT };

enum advice {
#define ADVICE(name, ...) ADVICE_##name,
#include "findings/advice/advice.def"
#undef ADVICE
	ADVICE_COUNT
};

enum runtime runtime_of(const struct trace_process *process);

/* ADVICE_COUNT: there is none of this id. */
enum advice advice_find(const char *id, size_t bytes);
/* A template as in findings.def. */
const char *advice_text(enum advice advice, enum runtime runtime);
/* "file": never changes. */
const char *advice_id(enum advice advice);

/* About what a sample saw a blocking callback in, and what that was for. */
enum advice advice_of_stall(const struct stall *stall, enum work_reason reason);

#endif
