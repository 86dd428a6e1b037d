/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract of stall samples, a part of trace_format.h, which includes this: entries, script
 * frames and their texts. docs/trace-format.md is the specification. Rules: as in trace_format.h.
 */
#ifndef TRACE_STALL_H
#define TRACE_STALL_H

#include <stddef.h>
#include <stdint.h>

enum trace_machine { TRACE_MACHINE_X86_64 = 62, TRACE_MACHINE_AARCH64 = 183 }; /* as in ELF */

enum trace_stall_type {
	TRACE_STALL_LOOK = 1, /* the callback ran at this tick */
	/* Its end was seen, after at least one sample; nothing is said of stack or system call */
	TRACE_STALL_END = 2,
};

/* One stall sample. Of the stack and the registers only words are kept that unwinding needs: those
 * that point into code or into the stack itself. The program's data never gets into a trace this
 * way. */
struct trace_stall_entry {
	uint32_t entry_bytes;
	uint32_t worker;
	uint16_t type; /* enum trace_stall_type */
	uint8_t state; /* of the thread, as in /proc/PID/stat: 'R', 'S', 'D', ...; 0: not known */
	uint8_t register_count; /* 0: it was not stopped, only sp and pc may be known */
	uint16_t machine;	/* enum trace_machine */
	uint16_t object_bytes;
	/* The poll, as it began: PollStart; 0: a pool worker's item that is no callback, or the
	 * iteration of a loop whose callbacks cannot be seen (tier "libc"). In what trace_ctl makes
	 * for itself also another event (PARK, LOOP_LEAVE, ...): what a thread is in. */
	uint64_t poll_word;
	uint64_t poll_tick;
	uint64_t tick;	    /* of the sample, or when the end was noticed */
	uint64_t base_tick; /* when the next two were read; then and now, as in schedstat: */
	uint64_t base_cpu_ns, base_wait_ns;
	uint64_t cpu_ns, wait_ns; /* 0: could not be read */
	int64_t syscall; /* number; -1: none (a page fault, or it computes), -2: not known */
	uint64_t arguments[6];
	uint64_t sp, pc;      /* 0: not known */
	uint64_t frame_sp;    /* stack pointer of what called the callback; 0: not known */
	uint32_t blocker;     /* thread id of who has the lock that it waits for; 0: not known */
	uint32_t word_count;  /* of the stack */
	uint32_t stack_bytes; /* that were read, from sp */
	uint32_t error;	      /* errno of what kept the sample from being whole; 0: nothing did */
	uint32_t suppressed;  /* samples of this poll that were left out so far */
	uint16_t script_count;
	uint8_t script_status; /* enum trace_script_status */
	uint8_t reserved;
	/* register_count registers in DWARF's order (0: not kept), then word_count words of the
	 * stack, each trace_word(value, place): which word it is, counted from sp; then the object,
	 * a text, and at the next multiple of 8 script_count frames (struct trace_script_frame) */
	uint64_t data[];
};
_Static_assert(sizeof(struct trace_stall_entry) == 184, "stall");
_Static_assert(offsetof(struct trace_stall_entry, data) == sizeof(struct trace_stall_entry),
	       "stall data");
#define TRACE_STALL_ENTRY_BYTES_MAX 16384u
#define TRACE_STALL_REGISTERS_MAX   40u

/* What is known of a language runtime's functions that the thread was in. */
enum trace_script_status {
	TRACE_SCRIPT_NONE = 0,	/* no runtime, or the thread was in none of its functions */
	TRACE_SCRIPT_WHOLE = 1, /* every function, out to the outermost */
	TRACE_SCRIPT_CUT = 2,	/* the innermost ones; there were more than fit */
	/* The thread was in functions, but the way out to the outermost could not be followed:
	 * none is told */
	TRACE_SCRIPT_LOST = 3,
};

enum trace_script_kind {
	TRACE_SCRIPT_FUNCTION = 0,    /* of JavaScript; how it ran is not known */
	TRACE_SCRIPT_INTERPRETED = 1, /* by V8's interpreter */
	TRACE_SCRIPT_BASELINE = 2,    /* compiled by Sparkplug */
	TRACE_SCRIPT_MAGLEV = 3,
	TRACE_SCRIPT_TURBOFAN = 4,
	TRACE_SCRIPT_BUILTIN = 5, /* a function of the language: Array.prototype.sort */
	TRACE_SCRIPT_REGEXP = 6,  /* code of a regular expression */
	TRACE_SCRIPT_EXIT = 7,	  /* not a function: here the runtime called native code */
	TRACE_SCRIPT_ENTRY = 8,	  /* not a function: here native code called the runtime */
	TRACE_SCRIPT_PYTHON = 9,  /* a function of Python */
};

enum trace_script_flags {
	TRACE_SCRIPT_INLINED = 1,      /* compiled into the next frame's function */
	TRACE_SCRIPT_LINE_ABOUT = 2,   /* the line may be that of a loop around it */
	TRACE_SCRIPT_INFERRED = 4,     /* the name is what the function was assigned to */
	TRACE_SCRIPT_UNREADABLE = 8,   /* there is a function, but its name could not be read */
	TRACE_SCRIPT_CALLED_BY_C = 16, /* of Python: native code called it, not the next frame */
};

struct trace_script_frame {
	uint64_t frame;		   /* where it lies on the thread's native stack; 0: not there */
	uint32_t function, file;   /* ids of texts; 0: not known */
	uint32_t line, first_line; /* where it was, where the function begins; from 1; 0: unknown */
	uint8_t kind;		   /* enum trace_script_kind */
	uint8_t flags;		   /* enum trace_script_flags */
	uint16_t reserved0;
	uint32_t reserved1;
};
_Static_assert(sizeof(struct trace_script_frame) == 32, "script frame");
#define TRACE_SCRIPT_FRAMES_MAX 64u

/* An id is never given to another text of the same process. A text is told in each segment that
 * refers to it, before the sample that does. */
struct trace_script_text {
	uint32_t entry_bytes;
	uint32_t id; /* from 1 */
	uint32_t text_bytes;
	char text[];
};
#define TRACE_SCRIPT_TEXT_BYTES_MAX 512u

#endif
