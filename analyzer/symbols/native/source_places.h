/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the lines of scripts were written: by the source map beside a script, which its last lines
 * name ("//# sourceMappingURL="), or which is called as the script and ".map".
 *
 * Rules: a trace names the scripts, so only regular files are opened, of bounded size. A script or
 * a map that was changed after the program started is not the one that ran, and is not looked at.
 * Nothing is fetched. Maps are kept until source_places_close().
 */
#ifndef SOURCE_PLACES_H
#define SOURCE_PLACES_H

#include "symbols/script_symbols.h"

struct source_places;

/* NULL: no memory. */
struct source_places *source_places_open(uint64_t started_real_ns);
void source_places_close(struct source_places *places);
/* A script_place_find(): `arg` is the source_places. */
bool source_places_find(void *arg, const char *file, uint32_t line, struct script_place *place);

#endif
