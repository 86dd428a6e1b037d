/* SPDX-License-Identifier: Apache-2.0
 *
 * See look.h.
 */
#include "look.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "files/short_file.h"

#if defined(__x86_64__)
const uint16_t look_machine = TRACE_MACHINE_X86_64;
#else
const uint16_t look_machine = TRACE_MACHINE_AARCH64;
#endif

/* ---- Files of /proc ------------------------------------------------------------------------------------- */

/* PID (NAME) STATE ...: the name may hold anything. */
static uint8_t state_read(const struct look_at *at)
{
	char text[256];
	const char *end;

	if (short_file_read_task(at->pid, at->tid, "stat", text, sizeof(text)) <= 0)
		return 0;
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? (uint8_t)end[2] : 0;
}

/* NUMBER ARGUMENT ... SP PC, or -1 SP PC, or "running". */
static void syscall_parse(const char *text, struct look *look)
{
	char *at;

	if (strncmp(text, "running", 7) == 0) {
		look->syscall = LOOK_NO_SYSCALL;
		return;
	}
	look->syscall = strtoll(text, &at, 10);
	for (int i = 0; look->syscall >= 0 && i < 6; i++)
		look->arguments[i] = strtoull(at, &at, 16);
	look->sp = strtoull(at, &at, 16);
	look->pc = strtoull(at, &at, 16);
}

/* ---- Memory --------------------------------------------------------------------------------------------- */

int64_t look_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	struct iovec local = {to, bytes}, remote = {(void *)(uintptr_t)address, bytes};
	ssize_t got = process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0);

	return got < 0 ? -errno : got;
}

/* Where the stack of the callback ends: the frame that the program itself keeps of the poll. */
static uint64_t frame_find(const struct look_at *at)
{
	struct {
		uint64_t sp, word;
	} frames[TRACE_DEPTH_MAX];
	uint32_t depth = 0;

	if (!at->thread || !at->poll_word ||
	    look_read(at->pid, at->thread + at->depth_at, &depth, sizeof(depth)) != sizeof(depth) ||
	    look_read(at->pid, at->thread + at->frames_at, frames, sizeof(frames)) != sizeof(frames))
		return 0;
	for (uint32_t i = depth < TRACE_DEPTH_MAX ? depth : TRACE_DEPTH_MAX; i-- > 0;)
		if (frames[i].word == at->poll_word)
			return frames[i].sp;
	return 0;
}

void look_read_stack(const struct look_at *at, struct look *look)
{
	uint64_t wanted = LOOK_STACK_UNKNOWN_BYTES;
	int64_t got;

	if (look->frame_sp > look->sp)
		wanted = look->frame_sp - look->sp;
	wanted = (wanted < LOOK_STACK_BYTES ? wanted : LOOK_STACK_BYTES) & ~7ull;
	got = look_read(at->pid, look->sp, look->stack, wanted);
	look->stack_bytes = got > 0 ? (uint32_t)got & ~7u : 0;
	if (got < 0 && !look->error)
		look->error = (int)got;
}

/* ---- The look ------------------------------------------------------------------------------------------- */

/* Runs, or would if it were let: where it is can only be seen when it is stopped. Not so one that a signal or a
 * debugger has stopped already. */
static void computing_see(const struct look_at *at, struct look *look)
{
	int error;

	if (!at->may_stop || look->state == 'T' || look->state == 't')
		return;
	error = look_stop(at, look);
	look->error = look->error ? look->error : error;
	look->refused = error == -EPERM || error == -EACCES;
}

/* Asleep, or computing. False: it fell asleep or woke up between the two looks. */
static bool state_see(const struct look_at *at, struct look *look)
{
	char text[256];
	int got = short_file_read_task(at->pid, at->tid, "syscall", text, sizeof(text));

	look->error = got < 0 ? got : 0;
	look->syscall = LOOK_SYSCALL_UNKNOWN;
	look->sp = look->pc = 0;
	if (got > 0)
		syscall_parse(text, look);
	look->state = state_read(at);
	return got <= 0 || (look->sp != 0) == (look->state == 'S' || look->state == 'D');
}

void look_take(const struct look_at *at, struct look *look)
{
	memset(look, 0, offsetof(struct look, stack));
	if (!state_see(at, look))
		state_see(at, look);
	look->frame_sp = frame_find(at);
	if (look->sp) {
		look_read_stack(at, look);
		look_object(at, look);
	} else if (look->state != 'S' && look->state != 'D') {
		computing_see(at, look);
	}
}
