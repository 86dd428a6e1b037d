/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_map.h.
 */
#include "source_map.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX 65536u
#define LINES_MAX   (1u << 20)
#define NOWHERE	    UINT32_MAX

/* What one line of the file that ran was made of. */
struct origin {
	uint32_t source; /* NOWHERE: nothing */
	uint32_t line;	 /* from 0 */
	bool several_lines, several_sources;
};

struct source_map {
	char **sources;
	size_t source_count;
	struct origin *origins;
	size_t line_count;
};

/* ---- Mappings -------------------------------------------------------------------------------- */

struct reader {
	const char *at;
	int64_t source, line; /* each number is a difference to the one before */
	size_t source_count;
};

static int digit_value(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* A number of at most 32 bits: five of each digit, the lowest first, and its sign in the first. */
static bool number_read(struct reader *reader, int64_t *number)
{
	uint64_t value = 0;
	int digit, shift = 0;

	do {
		digit = digit_value(*reader->at);
		if (digit < 0 || shift > 30)
			return false;
		reader->at++;
		value |= (uint64_t)(digit & 31) << shift;
		shift += 5;
	} while (digit & 32);
	*number = value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
	return value >> 1 <= INT32_MAX;
}

static bool is_end(char c)
{
	return c == '\0' || c == ',' || c == ';';
}

/* A column, or that and where it comes from: source, line, column and, at will, a name. */
static bool segment_read(struct reader *reader, struct origin *origin)
{
	int64_t numbers[5] = {0};
	size_t count = 0;

	while (!is_end(*reader->at) && count < 5)
		if (!number_read(reader, &numbers[count++]))
			return false;
	if (!is_end(*reader->at) || (count != 1 && count < 4))
		return false;
	if (count == 1)
		return true;
	reader->source += numbers[1];
	reader->line += numbers[2];
	if (reader->source < 0 || reader->source >= (int64_t)reader->source_count ||
	    reader->line < 0 || reader->line >= INT32_MAX)
		return false;
	if (origin->source == NOWHERE) {
		origin->source = (uint32_t)reader->source;
		origin->line = (uint32_t)reader->line;
	}
	origin->several_sources |= origin->source != (uint32_t)reader->source;
	origin->several_lines |= origin->line != (uint32_t)reader->line;
	return true;
}

static bool line_read(struct reader *reader, struct origin *origin)
{
	*origin = (struct origin){.source = NOWHERE};
	while (*reader->at && *reader->at != ';') {
		if (*reader->at == ',')
			reader->at++;
		else if (!segment_read(reader, origin))
			return false;
	}
	return true;
}

static bool mappings_read(struct source_map *map, const char *text)
{
	struct reader reader = {.at = text, .source_count = map->source_count};

	map->line_count = 1;
	for (const char *at = text; *at; at++)
		map->line_count += *at == ';';
	if (map->line_count > LINES_MAX)
		return false;
	map->origins = calloc(map->line_count, sizeof(*map->origins));
	for (size_t i = 0; map->origins && i < map->line_count; i++) {
		if (!line_read(&reader, &map->origins[i]))
			return false;
		reader.at += *reader.at == ';';
	}
	return map->origins != NULL;
}

/* ---- The map --------------------------------------------------------------------------------- */

static char *source_path(const char *root, const char *source)
{
	size_t bytes = strlen(root) + strlen(source) + 2;
	char *path = malloc(bytes);

	if (!path)
		return NULL;
	path[0] = '\0';
	if (*root && *source != '/') {
		strcat(path, root);
		if (root[strlen(root) - 1] != '/')
			strcat(path, "/");
	}
	return strcat(path, source);
}

static bool sources_read(struct source_map *map, const json_t *json)
{
	const json_t *sources = json_object_get(json, "sources");
	const char *root = json_string_value(json_object_get(json, "sourceRoot"));
	size_t count = json_array_size(sources);

	if (!json_is_array(sources) || count > SOURCES_MAX)
		return false;
	map->sources = calloc(count + 1, sizeof(*map->sources));
	for (; map->sources && map->source_count < count; map->source_count++) {
		const char *source = json_string_value(json_array_get(sources, map->source_count));
		char *path = source_path(source && root ? root : "", source ? source : "");
		if (!path)
			return false;
		map->sources[map->source_count] = path;
	}
	return map->sources != NULL;
}

/* What servers put before JSON so that no script can run it. */
static size_t guard_bytes(const char *text, size_t bytes)
{
	const char *end =
	    bytes > 3 && memcmp(text, ")]}", 3) == 0 ? memchr(text, '\n', bytes) : NULL;

	return end ? (size_t)(end - text) : 0;
}

struct source_map *source_map_parse(const char *text, size_t bytes)
{
	size_t guard = guard_bytes(text, bytes);
	json_t *json = json_loadb(text + guard, bytes - guard, 0, NULL);
	const char *mappings = json_string_value(json_object_get(json, "mappings"));
	struct source_map *map = calloc(1, sizeof(*map));

	if (map && json_integer_value(json_object_get(json, "version")) == 3 && mappings &&
	    sources_read(map, json) && mappings_read(map, mappings)) {
		json_decref(json);
		return map;
	}
	source_map_free(map);
	json_decref(json);
	return NULL;
}

void source_map_free(struct source_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->source_count; i++)
		free(map->sources[i]);
	free(map->sources);
	free(map->origins);
	free(map);
}

bool source_map_find(const struct source_map *map, uint32_t line, struct source_line *found)
{
	const struct origin *origin =
	    line > 0 && line <= map->line_count ? &map->origins[line - 1] : NULL;

	if (!origin || origin->source == NOWHERE || origin->several_sources ||
	    !*map->sources[origin->source])
		return false;
	*found = (struct source_line){.source = map->sources[origin->source],
				      .line = (int)origin->line + 1,
				      .about = origin->several_lines};
	return true;
}
