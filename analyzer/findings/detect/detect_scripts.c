/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of JavaScript and Python, and the program's own native ones, as facts of findings
 * (facts.def).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "findings/advice.h"
#include "findings/findings_internal.h"
#include "findings/stall_scripts.h"
#include "trace/syscalls.h"

static bool is_waiting(const struct stall *stall)
{
	return stall->cause == STALL_SYSCALL || stall->cause == STALL_LOCK;
}

/* ---- Of scripts ------------------------------------------------------------------------------ */

static void facts_of_scripts(const struct stall_shared *shared, struct finding *finding)
{
	const struct symbol_info *user = shared->own->symbol, *label = shared->stall->script.label;
	const struct stack_frame *caller =
	    is_waiting(shared->stall) || shared->call ? NULL : shared->caller;

	fact_text(finding, FACT_by, caller ? caller->symbol->text : user->text);
	if (shared->call)
		fact_text(finding, FACT_inside, shared->call);
	else if (caller)
		fact_text(finding, FACT_inside, user->text);
	if (label)
		fact_text(finding, FACT_entered, label->text);
	fact_text(finding, FACT_function, user->name);
	if (*user->file)
		fact_text(finding, FACT_script_file, user->file);
	if (user->line > 0)
		fact_whole(finding, FACT_script_line, (uint64_t)user->line);
	fact_flag(finding, FACT_line_about, user->about);
	finding->file = user->file;
	finding->line = user->line;
}

/* ---- Native ---------------------------------------------------------------------------------- */

/* The wait is told beside it: the call that says the same says nothing. */
static bool says_the_same(const struct stall *stall, const char *call)
{
	const struct trace_stall *sample = stall->stall_sample;
	const char *what = stall->in.kind == STALL_IN_FUTEX
			       ? stall->in.waiter
			       : syscall_name(sample->machine, sample->syscall);

	return what && (strstr(what, call) || strstr(call, what));
}

/* "getaddrinfo, called by resolve app.c:6", "parse app.c:40 (in strtod)". */
static void facts_of_natives(const struct detection *detection, const struct stall_shared *shared,
			     uint32_t site, struct finding *finding)
{
	const struct symbol_info *own = shared->own->symbol;
	const char *callback = symbols_site(detection->input->symbols, site, false)->name;
	bool waits = is_waiting(shared->stall), is_callback = strcmp(callback, own->name) == 0;
	const char *call = shared->call && !(waits && says_the_same(shared->stall, shared->call))
			       ? shared->call
			       : NULL;
	char *text = NULL;
	int length = 0;

	if (waits && call)
		length = asprintf(&text, is_callback ? "%s" : "%s, called by %s", call, own->text);
	else if (call)
		length = asprintf(&text, "%s (in %s)", own->text, call);
	else if (!waits || !is_callback)
		length = asprintf(&text, "%s", own->text);
	if (length > 0)
		fact_text(finding, FACT_inside, text);
	if (length >= 0)
		free(text);
}

/* ---- Both ------------------------------------------------------------------------------------ */

void facts_of_functions(struct detection *detection, const struct stall *const *samples,
			size_t count, uint32_t site, struct finding *finding)
{
	struct stall_shared shared;

	if (stall_shared_find(samples, count, &shared) != 0)
		detection->findings->failed = true;
	if (!shared.own && count > 0 && samples[0]->script.user)
		shared = (struct stall_shared){.stall = samples[0],
					       .own = samples[0]->script.user,
					       .caller = samples[0]->script.caller,
					       .call = samples[0]->script.call_name
							   ? strdup(samples[0]->script.call_name)
							   : NULL};
	if (shared.own && shared.own->script)
		facts_of_scripts(&shared, finding);
	else if (shared.own)
		facts_of_natives(detection, &shared, site, finding);
	free(shared.call);
}

void fact_of_remedy(struct finding *finding, const struct stall *stall, enum work_reason reason)
{
	enum advice advice = ADVICE_UNKNOWN;

	if (finding->id == FINDING_NESTED_LOOP)
		return;
	if (stall)
		advice = advice_of_stall(stall, reason);
	else if (finding->id == FINDING_BLOCKED_CPU)
		advice = ADVICE_COMPUTE;
	else if (finding->id == FINDING_BLOCKED_SYSCALL)
		advice = ADVICE_WAIT;
	fact_whole(finding, FACT_remedy, advice);
}
