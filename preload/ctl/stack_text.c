/* SPDX-License-Identifier: Apache-2.0
 *
 * See stack_internal.h: a worker in a line, from its ring and the sample; below it the functions of
 * scripts, of which the sample has the names, or else the function that it was in.
 */
#include "stack_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "format/trace_tables.h"

#if defined(__x86_64__)
#define NUMBER x86_64
#else
#define NUMBER aarch64
#endif

static const struct {
	const char *name;
	int16_t x86_64, aarch64;
} syscalls[] = {
#define SYSCALL(name, x86_64, aarch64, role) {#name, x86_64, aarch64},
#include "format/trace_syscalls.def"
#undef SYSCALL
};

static const char *syscall_name(int64_t number)
{
	for (size_t i = 0; i < sizeof(syscalls) / sizeof(syscalls[0]); i++)
		if (syscalls[i].NUMBER == number && number >= 0)
			return syscalls[i].name;
	return NULL;
}

static void print_syscall(const struct probe *probe)
{
	const char *name = syscall_name(probe->syscall);

	if (probe->register_count || !probe->sp || probe->syscall < 0)
		return;
	if (name)
		printf("; asleep in %s", name);
	else
		printf("; asleep in system call %" PRId64, probe->syscall);
	if (probe->object[0])
		printf("(%s)", probe->object);
}

/* What else keeps it, or keeps us from seeing more. */
static void print_state(const struct probe *probe)
{
	if (probe->state == 'T' || probe->state == 't')
		printf("; stopped");
	else if (probe->state == 'R')
		printf("; computing");
	if (probe->error)
		printf("; more cannot be seen: %s", strerror(-probe->error));
}

static void print_scripts(const struct script_stack *scripts)
{
	for (uint32_t i = 0; i < scripts->count; i++) {
		const struct script_frame *frame = &scripts->frames[i];

		if (!frame->function && !frame->file)
			continue;
		printf("       %s", frame->function ? scripts->text + frame->function : "?");
		if (frame->file)
			printf(" %s", scripts->text + frame->file);
		if (frame->file && frame->line)
			printf(":%u", frame->line);
		putchar('\n');
	}
}

void stack_text_print(const struct target *target, const struct thread_sample *sample)
{
	const char *role = trace_role_name(sample->ring->role);
	const struct probe *probe = &sample->probe;

	printf("  worker %u (%s, tid %u, %.15s): ", sample->poll.worker, role ? role : "?",
	       sample->at.tid, sample->ring->name);
	if (sample->poll.word)
		target_print_doing(target,
				   (struct record){sample->poll.counter, sample->poll.word});
	else
		printf("callback not known");
	print_syscall(probe);
	print_state(probe);
	putchar('\n');
	if (sample->scripts.count) {
		print_scripts(&sample->scripts);
	} else if (probe->pc) {
		printf("       ");
		target_print_address(target, probe->pc);
		putchar('\n');
	}
}
