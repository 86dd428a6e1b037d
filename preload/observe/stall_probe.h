/* SPDX-License-Identifier: Apache-2.0
 *
 * One stall sample of a thread of the program, from outside. If the thread sleeps: in which system
 * call, on what, with what on its stack. If it computes: where. A sleeping thread is not disturbed:
 * /proc and process_vm_readv() have everything. A computing one is stopped for some microseconds by
 * ptrace (stall_probe_stop.c), if the caller allows it.
 *
 * Rules: nothing runs in the program and nothing is written to it. Each failure leaves out what it
 * concerns, and is recorded in `error`. What was read is the program's data; the watchdog keeps
 * only what unwinding needs.
 */
#ifndef STALL_PROBE_H
#define STALL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/trace_format.h"

#define PROBE_STACK_BYTES 65536u
#define PROBE_STACK_UNKNOWN_BYTES                                                                  \
	16384u /* where it is not known how far the callback's stack goes */
#define PROBE_OBJECT_BYTES    512u
#define PROBE_NO_SYSCALL      -1
#define PROBE_SYSCALL_UNKNOWN -2

struct probe_target;
struct probe;

/* Sees more of the thread while it holds still: stopped, or asleep. */
typedef void (*stall_probe_visit)(const struct probe_target *at, const struct probe *probe);

/* Who is sampled. */
struct probe_target {
	uint32_t pid, tid;
	bool may_stop;
	uint64_t poll_word; /* 0: it is in no callback that has a frame */
	bool innermost;	    /* instead: the innermost callback that it is in; else nothing */
	uint64_t thread; /* where the program keeps the thread's frames (shared.h), 0: not known; */
	uint32_t depth_at;	 /* ... the count in there, */
	uint32_t frames_at;	 /* ... the frames */
	stall_probe_visit visit; /* NULL: nobody wants to see more */
	void *visit_arg;	 /* the visitor's own */
};

struct probe {
	uint8_t state; /* as in /proc/PID/stat; 0: not known */
	int64_t syscall;
	uint64_t arguments[6];
	uint64_t sp, pc, frame_sp;
	uint64_t thread_pointer; /* 0: not known, as of a thread that was not stopped */
	uint64_t stopped_ns;	 /* how long it was stopped, at most */
	bool moved; /* it slept, but not all the while: what `visit` saw may be wrong */
	uint32_t register_count;
	uint64_t registers[TRACE_STALL_REGISTERS_MAX]; /* in DWARF's order */
	uint32_t blocker;
	uint32_t stack_bytes;
	int error;	 /* -errno of the first thing that could not be seen; 0: all was */
	bool refused;	 /* ... because stopping was not allowed */
	uint32_t tracer; /* which process traces the thread, where that is in the way; else 0 */
	char object[PROBE_OBJECT_BYTES]; /* "" where nothing is to be said */
	uint64_t stack[PROBE_STACK_BYTES / sizeof(uint64_t)];
};

/* ELF's number of the machine that this was built for. */
extern const uint16_t stall_probe_machine;

/* Takes the sample. Takes some tens of microseconds; where the thread has to be stopped it may have
 * to wait for it. */
void stall_probe_take(const struct probe_target *at, struct probe *probe);

/* Memory of the program; returns how many bytes could be read, from the start, or -errno. */
int64_t stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes);

/* Where the callback's part of the stack ends, as the program itself keeps it; 0: it is in no such
 * callback, or that cannot be read. */
uint64_t stall_probe_frame(const struct probe_target *at);

/* Fills in the stack from probe->sp on. */
void stall_probe_read_stack(const struct probe_target *at, struct probe *probe);

/* ---- stall_probe_stop.c: stops the thread, takes registers and stack, lets it go. 0 or -errno. */
int stall_probe_stop(const struct probe_target *at, struct probe *probe);

/* Which process traces the thread; 0: none. */
uint32_t stall_probe_tracer(const struct probe_target *at);

/* ---- stall_probe_object.c: what is behind the system call's arguments. */
void stall_probe_object(const struct probe_target *at, struct probe *probe);

#endif
