/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of thunks: TRACE_SITES_MAX identical pieces of 16 bytes. Thunk N loads the address of
 * site_table[N] into the register of a sixth argument, which no libuv callback has, and jumps to
 * dispatch. So no code is ever made at run time.
 *
 * Rules: 16 bytes each (site_thunk relies on it). The stack is not touched, so the default unwind
 * rule holds from the first thunk to the last.
 */
#include "thunks_size.h"

	.text
	.globl site_thunks, site_thunks_end
	.hidden site_thunks, site_thunks_end, site_table, dispatch
	.type site_thunks, %function
	.balign 16
	.cfi_startproc
site_thunks:
	.set index, 0
	.rept TRACE_SITES_MAX
#if defined(__x86_64__)
	endbr64
	leaq site_table + index * SITE_BYTES(%rip), %r9
	jmp dispatch
#elif defined(__aarch64__)
	bti c
	adrp x5, site_table + index * SITE_BYTES
	add x5, x5, :lo12:site_table + index * SITE_BYTES
	b dispatch
#endif
	.set index, index + 1
	.endr
site_thunks_end:
	.cfi_endproc
	.size site_thunks, . - site_thunks
	.section .note.GNU-stack, "", %progbits
#if defined(__x86_64__)
	/* Says that every indirect target here begins with endbr64. */
	.section .note.gnu.property, "a"
	.balign 8
	.long 4, 16, 5
	.asciz "GNU"
	.long 0xc0000002, 4, 1, 0
#endif
