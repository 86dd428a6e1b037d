/* SPDX-License-Identifier: Apache-2.0
 *
 * unwind.h for the page, which has no program's call frame information: no frames, so none that wants a name.
 */
#include "unwind.h"

size_t unwind(struct symbols *symbols, const struct trace_stall *stall, struct unwind_frame *frames)
{
	(void)symbols;
	(void)stall;
	(void)frames;
	return 0;
}

const struct symbol_info *unwind_symbol(struct symbols *symbols, const struct unwind_frame *frame)
{
	(void)frame;
	return symbols_site(symbols, UINT32_MAX, false);
}
