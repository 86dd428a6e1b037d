/* SPDX-License-Identifier: Apache-2.0
 *
 * See advice.h.
 */
#include "advice.h"

#include <string.h>

#include "symbols/symbols_text.h"
#include "trace/syscalls.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *id, *texts[RUNTIME_COUNT];
} rows[ADVICE_COUNT] = {
#define ADVICE(name, id, c, node, python, lua) {id, {c, node, python, lua}},
#include "findings/advice/advice.def"
#undef ADVICE
};

const char *advice_text(enum advice advice, enum runtime runtime)
{
	return rows[advice].texts[runtime];
}

enum advice advice_find(const char *id, size_t bytes)
{
	size_t i = 0;

	while (i < ADVICE_COUNT &&
	       (strlen(rows[i].id) != bytes || strncmp(rows[i].id, id, bytes) != 0))
		i++;
	return (enum advice)i;
}

const char *advice_id(enum advice advice)
{
	return rows[advice].id;
}

/* ---- Runtimes -------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* By how the name of a file begins: of the executable, else of a library. */
static const struct {
	const char *executable, *library;
	enum runtime runtime;
} runtimes[] = {
    {"node", "libnode.so", RUNTIME_NODE},     {"electron", "libnode.so", RUNTIME_NODE},
    {"python", "libpython3", RUNTIME_PYTHON}, {"pypy", "libpypy", RUNTIME_PYTHON},
    {"nvim", "libluajit", RUNTIME_LUA},	      {"lua", "liblua", RUNTIME_LUA},
    {"luvit", "luv.so", RUNTIME_LUA},
};

static enum runtime runtime_of_files(const struct trace_process *process)
{
	const char *executable = symbols_base_name(process->exe ? process->exe : "");

	for (size_t i = 0; i < COUNT(runtimes); i++)
		if (begins(executable, runtimes[i].executable))
			return runtimes[i].runtime;
	for (size_t k = 0; k < process->module_count; k++)
		for (size_t i = 0; i < COUNT(runtimes); i++)
			if (begins(symbols_base_name(process->modules[k].path),
				   runtimes[i].library))
				return runtimes[i].runtime;
	return RUNTIME_C;
}

/* Functions of scripts prove it, whatever files are called. */
enum runtime runtime_of(const struct trace_process *process)
{
	for (size_t i = 0; i < process->stall_count; i++)
		if (process->stalls[i].script_count > 0)
			return process->stalls[i].scripts[0].kind == TRACE_SCRIPT_PYTHON
				   ? RUNTIME_PYTHON
				   : RUNTIME_NODE;
	return runtime_of_files(process);
}

/* ---- Causes ---------------------------------------------------------------------------------- */

static const enum advice advice_of_reason[REASON_COUNT] = {
    [REASON_NONE] = ADVICE_COUNT,
    [REASON_GARBAGE] = ADVICE_GARBAGE,
    [REASON_JSON] = ADVICE_JSON,
    [REASON_REGEXP] = ADVICE_REGEXP,
    [REASON_COMPRESSION] = ADVICE_COMPRESSION,
    [REASON_CRYPTO] = ADVICE_CRYPTO,
    [REASON_COMPILE] = ADVICE_COMPILE,
    [REASON_REQUIRE] = ADVICE_REQUIRE,
    [REASON_IMPORT] = ADVICE_REQUIRE,
    [REASON_GIL] = ADVICE_GIL,
    [REASON_EXIT] = ADVICE_EXIT,
    [REASON_SPAWN] = ADVICE_SPAWN,
    [REASON_CHILD] = ADVICE_CHILD,
    [REASON_LOOKUP] = ADVICE_LOOKUP,
};

/* "fd 7 = /var/lib/x.db" is a file; devices, pipes and sockets are streams. */
static enum advice advice_of_descriptor(const struct trace_stall *sample)
{
	const char *target = strstr(sample->object, " = ");

	return target && begins(target, " = /") && !begins(target, " = /dev/") ? ADVICE_FILE
									       : ADVICE_STREAM;
}

static enum advice advice_of_call(const struct trace_stall *sample)
{
	switch (syscall_role(sample->machine, sample->syscall)) {
	case SYSCALL_FD:
		return advice_of_descriptor(sample);
	case SYSCALL_PATH:
	case SYSCALL_AT_PATH:
		return ADVICE_FILE;
	case SYSCALL_POLL:
		return ADVICE_STREAM;
	case SYSCALL_TIME:
	case SYSCALL_CLOCK_TIME:
		return ADVICE_SLEEP;
	case SYSCALL_PROCESS:
		return ADVICE_CHILD;
	default:
		return ADVICE_WAIT;
	}
}

enum advice advice_of_stall(const struct stall *stall, enum work_reason reason)
{
	if (advice_of_reason[reason] != ADVICE_COUNT)
		return advice_of_reason[reason];
	if (stall->cause == STALL_LOCK)
		return ADVICE_LOCK;
	if (stall->cause != STALL_SYSCALL)
		return ADVICE_COMPUTE;
	if (stall->in.kind == STALL_IN_FUTEX)
		return ADVICE_THREAD;
	return stall->in.kind == STALL_IN_PAGE_FAULT ? ADVICE_FAULT
						     : advice_of_call(stall->stall_sample);
}
