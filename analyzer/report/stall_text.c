/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall_text.h.
 */
#include "stall_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "trace/syscalls.h"

static void write_blocker(const struct stall *stall, FILE *out)
{
	const struct trace_stall *sample = stall->stall_sample;

	if (stall->in.blocker_worker)
		fprintf(out, ", held by worker %" PRIu32 " (%s)", stall->in.blocker_worker,
			sample->object);
	else if (sample->blocker)
		fprintf(out, ", held by thread %" PRIu32 " (%s)", sample->blocker, sample->object);
}

static void write_futex(const struct stall *stall, FILE *out)
{
	if (stall->in.variable)
		fprintf(out, "%s(%s)", stall->in.waiter, stall->in.variable);
	else
		fprintf(out, "%s(0x%" PRIx64 ")", stall->in.waiter,
			stall->stall_sample->arguments[0]);
	write_blocker(stall, out);
}

static void write_syscall(const struct stall *stall, FILE *out)
{
	const struct trace_stall *sample = stall->stall_sample;
	const char *name = syscall_name(sample->machine, sample->syscall);
	enum syscall_role role = syscall_role(sample->machine, sample->syscall);
	bool is_path = role == SYSCALL_PATH || role == SYSCALL_AT_PATH;

	if (!name)
		fprintf(out, "system call %" PRId64, sample->syscall);
	else
		fprintf(out, is_path && *sample->object ? "%s(\"%s\")" : "%s(%s)", name,
			sample->object);
}

static void write_code(const struct stall *stall, FILE *out)
{
	const struct stall_in *in = &stall->in;

	fputs(in->own ? in->own->text : in->inner->text, out);
	if (in->own && in->inner)
		fprintf(out, " (in %s)", in->inner->name);
}

/* "countPrimes app.js:12", "zlib.gzipSync, called by pack app.js:40". */
static void write_script(const struct stall *stall, FILE *out)
{
	const struct stall_script *script = &stall->script;

	if (script->call_name)
		fprintf(out, "%s, called by ", script->call_name);
	fputs(script->user->symbol->text, out);
}

static void write_nothing(const struct stall *stall, FILE *out)
{
	(void)stall;
	(void)out;
}

static void write_page_fault(const struct stall *stall, FILE *out)
{
	(void)stall;
	fputs("a page fault: memory that had to be read from disk, or given by the kernel", out);
}

static void write_stopped(const struct stall *stall, FILE *out)
{
	(void)stall;
	fputs("stopped by a signal or a debugger", out);
}

char *stall_text(const struct stall *stall)
{
	static void (*const writers[])(const struct stall *stall, FILE *out) = {
	    [STALL_IN_STOPPED] = write_stopped,	      [STALL_IN_UNKNOWN] = write_nothing,
	    [STALL_IN_PAGE_FAULT] = write_page_fault, [STALL_IN_SYSCALL] = write_syscall,
	    [STALL_IN_FUTEX] = write_futex,	      [STALL_IN_CODE] = write_code,
	    [STALL_IN_SCRIPT] = write_script,
	};
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	writers[stall->in.kind](stall, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
