/* SPDX-License-Identifier: Apache-2.0
 *
 * See program_check.h. What only a process can tell (the system lets code be written, no other
 * thread runs) is not tried.
 */
#include "program_check.h"

#include <stdio.h>
#include <string.h>

#include "libuv/static_marks.h"
#include "libuv/static_plan.h"
#include "patch/elf_view.h"

static unsigned int good_count(const struct static_plan *plan)
{
	unsigned int count = 0;

	for (size_t i = 0; i < REAL_COUNT; i++)
		count += plan->plans[i].reason == ENTRY_GOOD;
	return count;
}

/* Of what only makes or stops handles no callback is missing. */
static void print_refused(size_t function, enum entry_reason reason)
{
	if (static_plan_is_noted(function))
		printf("not noted: calls of %s, because %s\n", libuv_function_name(function),
		       entry_reason_text(reason));
	else
		printf("refused: callbacks of %s are not seen, because %s\n",
		       libuv_function_name(function), entry_reason_text(reason));
}

static void print_patched(const struct static_plan *plan)
{
	printf("patched: %u functions of the libuv", good_count(plan));
	if (plan->version)
		printf(" %u.%u.%u", plan->version >> 16, plan->version >> 8 & 255,
		       plan->version & 255);
	puts(" in it can be patched");
	for (size_t i = 0; i < REAL_COUNT; i++)
		if (plan->plans[i].reason != ENTRY_GOOD && plan->plans[i].reason != ENTRY_ABSENT)
			print_refused(i, plan->plans[i].reason);
}

/* No name led to a libuv. */
static void print_absent(const struct static_plan *plan)
{
	switch (static_marks_find(&plan->parts.image)) {
	case MARKS_CERTAIN:
		printf("unseen: %s\n", static_outcome_text(STATIC_NO_NAMES));
		break;
	case MARKS_LIKELY:
		printf("unseen: %s\n", static_outcome_text(STATIC_LIKELY));
		break;
	case MARKS_NONE:
		puts("absent: it has no libuv inside that could be found");
		break;
	}
}

static void print_unseen(const struct static_plan *plan)
{
	printf("unseen: %s", static_outcome_text(plan->outcome));
	if (plan->outcome == STATIC_CORE)
		printf(": %s, because %s", libuv_function_name(plan->failed),
		       entry_reason_text(plan->plans[plan->failed].reason));
	putchar('\n');
}

int program_check(const char *path)
{
	struct static_plan plan;
	struct static_executable executable;
	struct elf_view view;
	int error = elf_view_open(&view, path);

	if (error) {
		fprintf(stderr, "trace_ctl: %s: %s\n", path, strerror(-error));
		return 1;
	}
	executable = static_executable_of(&view, path);
	static_plan_make(&plan, &executable);
	if (plan.outcome == STATIC_READY)
		print_patched(&plan);
	else if (plan.outcome == STATIC_ABSENT)
		print_absent(&plan);
	else
		print_unseen(&plan);
	elf_view_close(&view);
	return 0;
}
