/* SPDX-License-Identifier: Apache-2.0
 *
 * One source map (ECMA-426, version 3): from a line of the file that ran to the file and line that
 * it was written in. JSON by jansson; the mappings, a string of numbers in base 64, are decoded
 * here, since no library of C does that.
 *
 * Rules: nothing in it is believed. A map with any error is none at all. A stall sample knows
 * lines, not columns: a line that was made of several lines of one file is told as about its first,
 * one that was made of several files is not told.
 */
#ifndef SOURCE_MAP_H
#define SOURCE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source_map;

struct source_line {
	const char *source; /* as the map has it, behind its root; until the map is freed */
	int line;	    /* from 1 */
	bool about;
};

/* NULL: it is none, or no memory. */
struct source_map *source_map_parse(const char *text, size_t bytes);
void source_map_free(struct source_map *map);
/* Of a line of the file that ran, from 1. */
bool source_map_find(const struct source_map *map, uint32_t line, struct source_line *found);

#endif
