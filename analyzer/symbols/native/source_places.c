/* SPDX-License-Identifier: Apache-2.0
 *
 * See source_places.h.
 */
#include "source_places.h"

#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/regular_file.h"
#include "source_map.h"

#define FILE_BYTES_MAX (64u << 20)
#define NAMES_IT       "sourceMappingURL="
#define INLINE	       "data:application/json"
#define BASE64	       "base64,"

/* One script; also where there is no map, so that nobody looks twice. */
struct script_file {
	char *path;
	char *dir; /* of the map: sources are told from there */
	struct source_map *map;
};

struct source_places {
	uint64_t started_real_ns;
	void *tree;
};

struct source_places *source_places_open(uint64_t started_real_ns)
{
	struct source_places *places = calloc(1, sizeof(*places));

	if (places)
		places->started_real_ns = started_real_ns;
	return places;
}

static void script_file_free(void *node)
{
	struct script_file *script = node;

	source_map_free(script->map);
	free(script->dir);
	free(script->path);
	free(script);
}

void source_places_close(struct source_places *places)
{
	if (places)
		tdestroy(places->tree, script_file_free);
	free(places);
}

static int compare_files(const void *left, const void *right)
{
	const struct script_file *a = left, *b = right;

	return strcmp(a->path, b->path);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static bool is_as_it_ran(const struct source_places *places, const struct stat *status)
{
	return status->st_size > 0 && status->st_size <= FILE_BYTES_MAX &&
	       (uint64_t)status->st_mtim.tv_sec <= places->started_real_ns / 1000000000;
}

/* The whole file, ended by a zero; NULL: it cannot be read, or is another one by now. */
static char *file_read(const struct source_places *places, const char *path, size_t *bytes)
{
	int fd = regular_file_open(path, 0);
	struct stat status;
	char *text = NULL;

	*bytes = 0;
	if (fd >= 0 && fstat(fd, &status) == 0 && is_as_it_ran(places, &status))
		text = malloc((size_t)status.st_size + 1);
	while (text && *bytes < (size_t)status.st_size) {
		ssize_t got = read(fd, text + *bytes, (size_t)status.st_size - *bytes);
		if (got <= 0)
			break;
		*bytes += (size_t)got;
	}
	if (text)
		text[*bytes] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* "file:///srv/app.mjs" is "/srv/app.mjs". Other addresses are no files. */
static const char *local_path(const char *file)
{
	if (strncmp(file, "file://", 7) == 0)
		file += 7;
	return *file == '/' ? file : NULL;
}

static char *dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strndup(path, slash ? (size_t)(slash - path) : 0);
}

/* ---- The map of a script --------------------------------------------------------------------- */

/* Where the script's last "sourceMappingURL=" begins; NULL: it has none. Ends it behind. */
static char *url_find(char *text)
{
	char *url = NULL;

	for (char *at = text; (at = strstr(at, NAMES_IT)); at++)
		url = at + sizeof(NAMES_IT) - 1;
	if (url)
		url[strcspn(url, " \t\r\n'\"*")] = '\0';
	return url;
}

static int base64_value(char c)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* In its own place. Returns how many bytes. */
static size_t base64_decode(char *text)
{
	uint32_t bits = 0, held = 0;
	size_t bytes = 0;

	for (const char *at = text; base64_value(*at) >= 0; at++) {
		bits = bits << 6 | (uint32_t)base64_value(*at);
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		text[bytes++] = (char)(bits >> held & 0xff);
	}
	return bytes;
}

static struct source_map *inline_map(char *url)
{
	char *data = strstr(url, BASE64);

	if (!data)
		return NULL;
	data += sizeof(BASE64) - 1;
	return source_map_parse(data, base64_decode(data));
}

static void map_read(const struct source_places *places, struct script_file *script,
		     const char *path)
{
	size_t bytes;
	char *text = file_read(places, path, &bytes);

	if (text)
		script->map = source_map_parse(text, bytes);
	if (script->map)
		script->dir = dir_of(path);
	free(text);
}

static char *beside(const char *path, const char *url)
{
	char *dir = dir_of(path), *joined = NULL;

	if (*url == '/')
		joined = strdup(url);
	else if (dir && asprintf(&joined, "%s/%s", dir, url) < 0)
		joined = NULL;
	free(dir);
	return joined;
}

/* A map that is said to be elsewhere is not looked for beside the script. */
static void map_find(const struct source_places *places, struct script_file *script,
		     const char *path)
{
	size_t bytes;
	char *text = file_read(places, path, &bytes), *map_path = NULL;
	char *url = text ? url_find(text) : NULL;

	if (url && strncmp(url, INLINE, sizeof(INLINE) - 1) == 0) {
		script->map = inline_map(url);
		script->dir = dir_of(path);
	} else if (url && !strstr(url, "://")) {
		map_path = beside(path, url);
	} else if (text && !url && asprintf(&map_path, "%s.map", path) < 0) {
		map_path = NULL;
	}
	if (map_path)
		map_read(places, script, map_path);
	free(map_path);
	free(text);
}

static const struct script_file *script_file(struct source_places *places, const char *file)
{
	const struct script_file wanted = {.path = (char *)file};
	struct script_file *const *found = tfind(&wanted, &places->tree, compare_files);
	const char *path = local_path(file);

	if (found)
		return *found;
	struct script_file *script = calloc(1, sizeof(*script));
	if (!script)
		return NULL;
	script->path = strdup(file);
	if (!script->path || !tsearch(script, &places->tree, compare_files)) {
		script_file_free(script);
		return NULL;
	}
	if (path)
		map_find(places, script, path);
	return script;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* "/srv/dist/../src/app.ts" is "/srv/src/app.ts". */
static void path_tidy(char *path)
{
	char *to = path;

	for (const char *at = path; *at;) {
		if (strncmp(at, "/./", 3) == 0) {
			at += 2;
		} else if (strncmp(at, "/../", 4) == 0) {
			while (to > path && *--to != '/')
				;
			at += 3;
		} else {
			*to++ = *at++;
		}
	}
	*to = '\0';
}

bool source_places_find(void *arg, const char *file, uint32_t line, struct script_place *place)
{
	const struct script_file *script = script_file(arg, file);
	struct source_line found;

	if (!script || !script->map || !source_map_find(script->map, line, &found))
		return false;
	if (*found.source == '/' || strstr(found.source, "://"))
		place->file = strdup(found.source);
	else if (asprintf(&place->file, "%s/%s", script->dir ? script->dir : "", found.source) < 0)
		place->file = NULL;
	if (!place->file)
		return false;
	if (*place->file == '/')
		path_tidy(place->file);
	place->line = found.line;
	place->about = found.about;
	return true;
}
