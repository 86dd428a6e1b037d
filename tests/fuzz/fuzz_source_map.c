/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: an input as a source map, and some of its lines. Seeds: tests/fuzz/maps.
 */
#include <stdlib.h>

#include "symbols/native/source_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct source_map *map = source_map_parse((const char *)data, bytes);
	struct source_line found;

	for (uint32_t line = 0; map && line < 64; line++)
		if (source_map_find(map, line, &found) && (found.line <= 0 || !*found.source))
			abort();
	source_map_free(map);
	return 0;
}
