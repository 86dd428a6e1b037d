/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall_probe.h.
 */
#include "stall_probe.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "files/proc_file.h"

#if defined(__x86_64__)
const uint16_t stall_probe_machine = TRACE_MACHINE_X86_64;
#else
const uint16_t stall_probe_machine = TRACE_MACHINE_AARCH64;
#endif

/* ---- Files of /proc -------------------------------------------------------------------------- */

/* Where a thread sleeps. */
struct sleep_place {
	int64_t syscall;
	uint64_t arguments[6];
	uint64_t sp, pc;
};

/* PID (NAME) STATE ...: the name may hold anything. */
static uint8_t state_read(const struct probe_target *at)
{
	char text[256];
	const char *end;

	if (proc_file_read_task(at->pid, at->tid, "stat", text, sizeof(text)) <= 0)
		return 0;
	end = strrchr(text, ')');
	return end && end[1] == ' ' ? (uint8_t)end[2] : 0;
}

/* NUMBER ARGUMENT ... SP PC, or -1 SP PC, or "running". */
static void syscall_parse(const char *text, struct sleep_place *place)
{
	char *at;

	if (strncmp(text, "running", 7) == 0) {
		place->syscall = PROBE_NO_SYSCALL;
		return;
	}
	place->syscall = strtoll(text, &at, 10);
	for (int i = 0; place->syscall >= 0 && i < 6; i++)
		place->arguments[i] = strtoull(at, &at, 16);
	place->sp = strtoull(at, &at, 16);
	place->pc = strtoull(at, &at, 16);
}

/* 0 or -errno; sp is 0 where the thread does not sleep. */
static int place_read(const struct probe_target *at, struct sleep_place *place)
{
	char text[256];
	int got = proc_file_read_task(at->pid, at->tid, "syscall", text, sizeof(text));

	*place = (struct sleep_place){.syscall = PROBE_SYSCALL_UNKNOWN};
	if (got > 0)
		syscall_parse(text, place);
	return got < 0 ? got : 0;
}

/* ---- Memory ---------------------------------------------------------------------------------- */

int64_t stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	struct iovec local = {to, bytes}, remote = {(void *)(uintptr_t)address, bytes};
	ssize_t got = process_vm_readv((pid_t)pid, &local, 1, &remote, 1, 0);

	return got < 0 ? -errno : got;
}

/* What the program itself keeps of a callback or of a loop that it is in. */
struct kept_frame {
	uint64_t sp, word;
};

static uint32_t frames_read(const struct probe_target *at, struct kept_frame *frames)
{
	const uint64_t bytes = TRACE_DEPTH_MAX * sizeof(*frames);
	uint32_t depth = 0;

	if (!at->thread ||
	    stall_probe_read(at->pid, at->thread + at->depth_at, &depth, sizeof(depth)) !=
		sizeof(depth) ||
	    depth == 0 ||
	    stall_probe_read(at->pid, at->thread + at->frames_at, frames, bytes) != (int64_t)bytes)
		return 0;
	return depth < TRACE_DEPTH_MAX ? depth : TRACE_DEPTH_MAX;
}

uint64_t stall_probe_frame(const struct probe_target *at)
{
	struct kept_frame frames[TRACE_DEPTH_MAX];
	uint32_t depth = at->innermost || at->poll_word ? frames_read(at, frames) : 0;

	if (at->innermost)
		return depth > 0 && trace_word_is_poll(frames[depth - 1].word)
			   ? frames[depth - 1].sp
			   : 0;
	for (uint32_t i = depth; i-- > 0;)
		if (frames[i].word == at->poll_word)
			return frames[i].sp;
	return 0;
}

void stall_probe_read_stack(const struct probe_target *at, struct probe *probe)
{
	uint64_t wanted = PROBE_STACK_UNKNOWN_BYTES;
	int64_t got;

	if (probe->frame_sp > probe->sp)
		wanted = probe->frame_sp - probe->sp;
	wanted = (wanted < PROBE_STACK_BYTES ? wanted : PROBE_STACK_BYTES) & ~7ull;
	got = stall_probe_read(at->pid, probe->sp, probe->stack, wanted);
	probe->stack_bytes = got > 0 ? (uint32_t)got & ~7u : 0;
	if (got < 0 && !probe->error)
		probe->error = (int)got;
}

/* ---- The sample ------------------------------------------------------------------------------ */

/* Runs, or would if it were let: where it is can only be seen when it is stopped. Not so one that a
 * signal or a debugger has stopped already. */
static void computing_see(const struct probe_target *at, struct probe *probe)
{
	int error;

	if (!at->may_stop || probe->state == 'T' || probe->state == 't')
		return;
	error = stall_probe_stop(at, probe);
	probe->error = probe->error ? probe->error : error;
	probe->refused = error == -EPERM || error == -EACCES;
}

/* Asleep, or computing. False: it fell asleep or woke up between the two reads. */
static bool state_see(const struct probe_target *at, struct probe *probe)
{
	struct sleep_place place;

	probe->error = place_read(at, &place);
	probe->syscall = place.syscall;
	memcpy(probe->arguments, place.arguments, sizeof(probe->arguments));
	probe->sp = place.sp;
	probe->pc = place.pc;
	probe->state = state_read(at);
	probe->tracer = probe->state == 't' ? stall_probe_tracer(at) : 0;
	return probe->error || (probe->sp != 0) == (probe->state == 'S' || probe->state == 'D');
}

/* How often the thread was given a CPU, the third number of schedstat; 0: not known. */
static uint64_t runs_read(const struct probe_target *at)
{
	char text[128], *end = text;
	uint64_t value = 0;

	if (proc_file_read_task(at->pid, at->tid, "schedstat", text, sizeof(text)) <= 0)
		return 0;
	for (int i = 0; i < 3; i++)
		value = strtoull(end, &end, 10);
	return value;
}

/* A sleeping thread may wake up meanwhile: then it sleeps elsewhere, or at the same place again
 * after it has run. */
static void sleeper_visit(const struct probe_target *at, struct probe *probe)
{
	uint64_t runs = at->visit ? runs_read(at) : 0;
	struct sleep_place now;

	stall_probe_read_stack(at, probe);
	if (!at->visit)
		return;
	at->visit(at, probe);
	place_read(at, &now);
	probe->moved = now.sp != probe->sp || now.pc != probe->pc || runs_read(at) != runs;
}

void stall_probe_take(const struct probe_target *at, struct probe *probe)
{
	memset(probe, 0, offsetof(struct probe, stack));
	if (!state_see(at, probe))
		state_see(at, probe);
	probe->frame_sp = stall_probe_frame(at);
	if (at->innermost && !probe->frame_sp)
		return;
	if (probe->sp) {
		sleeper_visit(at, probe);
		stall_probe_object(at, probe);
	} else if (probe->state != 'S' && probe->state != 'D') {
		computing_see(at, probe);
	}
}
