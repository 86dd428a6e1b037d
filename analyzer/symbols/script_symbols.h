/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of script functions, ready to print: "countPrimes app.js:12", "(anonymous) app.js:80",
 * "Handler.get server.py:31". symbols.h hands them out; both of its forms (native/symbols.c and the
 * page's) keep one of these.
 *
 * Rules: a name that the trace does not have is told as unknown, and never guessed. Answers are
 * kept, so asking twice is cheap. Texts of a trace are cleaned of control characters.
 */
#ifndef SCRIPT_SYMBOLS_H
#define SCRIPT_SYMBOLS_H

#include "symbols.h"

/* Where a line of a script was written, if it was made from another file (a source map says so). */
struct script_place {
	char *file; /* the caller frees */
	int line;
	bool about; /* or near it */
};
typedef bool script_place_find(void *arg, const char *file, uint32_t line,
			       struct script_place *place);

struct script_symbols;

/* `find` may be NULL. NULL: no memory. */
struct script_symbols *script_symbols_open(script_place_find *find, void *arg);
void script_symbols_close(struct script_symbols *symbols);
const struct symbol_info *script_symbols_of(struct script_symbols *symbols,
					    const struct trace_script *script);
/* Where the function begins, in place of where it was: what it is called as a whole. */
const struct symbol_info *script_symbols_whole(struct script_symbols *symbols,
					       const struct trace_script *script);

#endif
