/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a word of the stack can be the return address of a call that leads to a function: the
 * call instruction before it is decoded, also one by way of a table of linked functions (PLT, GOT).
 *
 * Rules: the code is that of the file whose build-id the trace has; without it nothing is said.
 */
#ifndef CALLS_H
#define CALLS_H

#include "symbols_internal.h"

enum call {
	CALL_NONE,    /* there is no call before it, or it leads elsewhere */
	CALL_UNKNOWN, /* there may be one: the code, or whom it calls, is not known */
	CALL_POINTER, /* by a pointer: anybody may be called */
	CALL_LEADS    /* to that function */
};

/* `inside`: an address in the function that is called. */
enum call call_before(struct symbols *symbols, uint16_t machine, uint64_t address, uint64_t inside);

#endif
