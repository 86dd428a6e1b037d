/* SPDX-License-Identifier: Apache-2.0
 *
 * look [-n COUNT] [-p PAUSE_US] [-m stop|sleep|run] PID [TID]: looks at a thread COUNT times and
 * prints, one JSON object a line, in which functions of scripts it was. stop: stops it each time.
 * sleep: looks while it sleeps, and tells nothing if it woke meanwhile. run: does not stop it,
 * reads twice, and tells what is equal. Every error ends it with a line.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "files/proc_file.h"
#include "observe/stall_probe.h"
#include "runtimes/runtimes.h"

#define STATE_BYTES 512
#define STACK_WORDS 8192

enum mode { STOP, SLEEP, RUN };

static struct script_stack stack, again;
static uint32_t reads; /* of the program's memory, since the walk began */
static uint64_t words[STACK_WORDS];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "look: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Counts (the linker leads calls of the one to the other: --wrap). */
int64_t __real_stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes);
int64_t __wrap_stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes);

int64_t __wrap_stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	reads++;
	return __real_stall_probe_read(pid, address, to, bytes);
}

/* ---- A stopped thread ------------------------------------------------------------------------ */

static void thread_stop(uint32_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
		fail("cannot stop the thread");
	if (waitpid((pid_t)tid, &status, __WALL) < 0 || !WIFSTOPPED(status))
		fail("the thread did not stop");
}

static void registers_take(struct runtime_thread *thread)
{
	struct user_regs_struct set;
	struct iovec vector = {&set, sizeof(set)};

	if (ptrace(PTRACE_GETREGSET, thread->tid, NT_PRSTATUS, &vector) != 0)
		fail("cannot read registers");
#if defined(__x86_64__)
	thread->sp = set.rsp;
	thread->pc = set.rip;
	thread->fp = set.rbp;
	thread->thread_pointer = set.fs_base;
#else
	thread->sp = set.sp;
	thread->pc = set.pc;
	thread->fp = set.regs[29];
#endif
	thread->is_stopped = true;
}

static void stack_take(uint32_t pid, struct runtime_thread *thread)
{
	for (uint64_t bytes = sizeof(words); bytes; bytes /= 2) {
		int64_t got = stall_probe_read(pid, thread->sp, words, bytes);

		thread->stack_words = got > 0 ? (uint32_t)got / sizeof(words[0]) : 0;
		if (got > 0)
			break;
	}
	thread->stack = words;
}

/* ---- A sleeping one -------------------------------------------------------------------------- */

/* In text: where it sleeps, and how often it has run so far. */
static bool is_asleep(uint32_t pid, uint32_t tid, char text[STATE_BYTES])
{
	char place[STATE_BYTES / 2] = "", runs[STATE_BYTES / 2] = "";

	if (proc_file_read_task(pid, tid, "syscall", place, sizeof(place)) <= 0 ||
	    strncmp(place, "running", 7) == 0 ||
	    proc_file_read_task(pid, tid, "schedstat", runs, sizeof(runs)) <= 0)
		return false;
	place[strcspn(place, "\n")] = '\0';
	runs[strcspn(runs, "\n")] = '\0';
	snprintf(text, STATE_BYTES, "%s %s", runs, place);
	return true;
}

static void sleeper_take(uint32_t pid, struct runtime_thread *thread, const char *text)
{
	const char *pc = strrchr(text, ' '), *sp = pc;

	while (sp && sp > text && *--sp != ' ')
		;
	if (pc && sp > text) {
		thread->sp = strtoull(sp, NULL, 16);
		thread->pc = strtoull(pc, NULL, 16);
	}
	stack_take(pid, thread);
}

/* ---- Looks ----------------------------------------------------------------------------------- */

static void text_print(const char *key, uint32_t at)
{
	printf("\"%s\":\"", key);
	for (const char *c = stack.text + at; at && *c; c++)
		printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	printf("\",");
}

static void stack_print(uint64_t walk_ns, uint64_t held_ns)
{
	printf("{\"status\":%u,\"reads\":%u,\"walk_ns\":%lu,\"held_ns\":%lu,\"frames\":[",
	       stack.status, reads, (unsigned long)walk_ns, (unsigned long)held_ns);
	for (uint32_t i = 0; i < stack.count; i++) {
		const struct script_frame *frame = &stack.frames[i];

		printf("%s{", i ? "," : "");
		text_print("function", frame->function);
		text_print("file", frame->file);
		printf("\"line\":%u,\"first\":%u,\"kind\":%u,\"flags\":%u,\"frame\":%lu}",
		       frame->line, frame->first_line, frame->kind, frame->flags,
		       (unsigned long)frame->frame);
	}
	puts("]}");
}

static void look_stopped(uint32_t pid, uint32_t tid)
{
	struct runtime_thread thread = {.tid = tid};
	uint64_t begin = now_ns(), read, walked, end;

	thread_stop(tid);
	registers_take(&thread);
	stack_take(pid, &thread);
	read = now_ns();
	reads = 0;
	runtimes_walk(&thread, &stack);
	walked = now_ns();
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	end = now_ns();
	runtimes_lines(&stack);
	stack_print(walked - read, end - begin);
}

/* False: it does not sleep. */
static bool look_asleep(uint32_t pid, uint32_t tid)
{
	char before[STATE_BYTES] = "", after[STATE_BYTES] = "";
	struct runtime_thread thread = {.tid = tid};
	uint64_t begin = now_ns();

	if (!is_asleep(pid, tid, before))
		return false;
	sleeper_take(pid, &thread, before);
	reads = 0;
	runtimes_walk(&thread, &stack);
	if (!is_asleep(pid, tid, after) || strcmp(before, after) != 0)
		return false;
	runtimes_lines(&stack);
	stack_print(now_ns() - begin, 0);
	return true;
}

static void look_running(uint32_t tid)
{
	struct runtime_thread thread = {.tid = tid};
	uint64_t begin = now_ns();

	reads = 0;
	runtimes_walk_running(&thread, &stack, &again);
	runtimes_lines(&stack);
	stack_print(now_ns() - begin, 0);
}

static enum mode mode_of(const char *text)
{
	if (strcmp(text, "sleep") == 0)
		return SLEEP;
	return strcmp(text, "run") == 0 ? RUN : STOP;
}

static void look(enum mode mode, uint32_t pid, uint32_t tid)
{
	if (!runtimes_prepare(pid, now_ns())) {
		const char *note = runtimes_note(0);

		fprintf(stderr, "look: %s\n", note ? note : "no runtime was found");
		exit(1);
	}
	if (mode == STOP)
		look_stopped(pid, tid);
	else if (mode == RUN)
		look_running(tid);
	else
		while (!look_asleep(pid, tid))
			usleep(100);
}

int main(int argc, char **argv)
{
	uint32_t pid, tid, count = 1, pause_us = 1000;
	enum mode mode = STOP;
	int option;

	while ((option = getopt(argc, argv, "n:p:m:")) != -1) {
		if (option == 'n')
			count = (uint32_t)atoi(optarg);
		else if (option == 'p')
			pause_us = (uint32_t)atoi(optarg);
		else if (option == 'm')
			mode = mode_of(optarg);
		else
			return 1;
	}
	if (optind >= argc) {
		fputs("usage: look [-n COUNT] [-p PAUSE_US] [-m stop|sleep|run] PID [TID]\n",
		      stderr);
		return 1;
	}
	pid = (uint32_t)atoi(argv[optind]);
	tid = optind + 1 < argc ? (uint32_t)atoi(argv[optind + 1]) : pid;
	for (uint32_t i = 0; i < count; i++) {
		look(mode, pid, tid);
		usleep(pause_us);
	}
	return 0;
}
