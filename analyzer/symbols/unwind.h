/* SPDX-License-Identifier: Apache-2.0
 *
 * From a look at a thread (registers, as far as known, and the words of its stack that were kept)
 * to the functions that it was in: by the modules' call frame information, and where that needs
 * what is not known, by looking for return addresses.
 *
 * Rules: a frame that was found by looking for it is marked as scanned, unless the stack proves it:
 * it may be left over from a call that is long done. Where no caller can be told the stack ends
 * (is_cut). Nothing of the look is believed: any words whatever give frames, no more
 * than UNWIND_FRAMES_MAX.
 */
#ifndef UNWIND_H
#define UNWIND_H

#include "trace/reader.h"
#include "symbols.h"

#define UNWIND_FRAMES_MAX 64

struct unwind_frame {
	uint64_t address;
	bool is_return;	   /* a return address: what is called lies before it */
	bool scanned;	   /* it was found by looking for it, or follows from one that was */
	bool is_outermost; /* what called it is known to be no part of the callback */
	bool is_cut;	   /* what called it is not known */
	uint64_t sp;	   /* its stack pointer */
};

/* Innermost first, up to the function that libuv called. Returns how many. */
size_t unwind(struct symbols *symbols, const struct trace_stall *stall,
	      struct unwind_frame *frames);

/* The name and line of a frame. */
const struct symbol_info *unwind_symbol(struct symbols *symbols, const struct unwind_frame *frame);

#endif
