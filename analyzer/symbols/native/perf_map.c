/* SPDX-License-Identifier: Apache-2.0
 *
 * See perf_map.h.
 */
#include "perf_map.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (256u << 20)

struct entry {
	uint64_t start, end;
	const char *name;
};

struct perf_map {
	char *text;
	struct entry *entries; /* by start; of equal ones the later behind the earlier */
	size_t count, capacity;
	uint64_t longest; /* of the entries */
};

/* Anybody may have made a file of that name in a public directory. */
static bool is_trusted(const struct stat *status, uint32_t owner_uid, uint64_t began_real_ns)
{
	bool is_theirs =
	    status->st_uid == owner_uid || status->st_uid == geteuid() || status->st_uid == 0;
	uint64_t changed_s = (uint64_t)status->st_mtim.tv_sec;

	return S_ISREG(status->st_mode) && is_theirs && (status->st_mode & S_IWOTH) == 0 &&
	       status->st_size > 0 && status->st_size <= FILE_BYTES_MAX &&
	       changed_s >= began_real_ns / 1000000000;
}

static char *file_read(const char *path, uint32_t owner_uid, uint64_t began_real_ns)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t bytes = 0;
	struct stat status;
	char *text = NULL;

	if (fd >= 0 && fstat(fd, &status) == 0 && is_trusted(&status, owner_uid, began_real_ns))
		text = malloc((size_t)status.st_size + 1);
	while (text && bytes < (size_t)status.st_size) {
		ssize_t got = read(fd, text + bytes, (size_t)status.st_size - bytes);
		if (got <= 0)
			break;
		bytes += (size_t)got;
	}
	if (text)
		text[bytes] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

static bool entry_add(struct perf_map *map, uint64_t start, uint64_t bytes, const char *name)
{
	if (map->count == map->capacity) {
		size_t capacity = map->capacity ? map->capacity * 2 : 1024;
		struct entry *entries = realloc(map->entries, capacity * sizeof(*entries));
		if (!entries)
			return false;
		map->entries = entries;
		map->capacity = capacity;
	}
	map->entries[map->count++] = (struct entry){start, start + bytes, name};
	map->longest = bytes > map->longest ? bytes : map->longest;
	return true;
}

/* Lines that make no sense are passed over. */
static bool lines_read(struct perf_map *map)
{
	char *next;

	for (char *line = map->text; line && *line; line = next) {
		char *end;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		uint64_t start = strtoull(line, &end, 16);
		uint64_t bytes = *end == ' ' ? strtoull(end, &end, 16) : 0;
		if (bytes == 0 || *end != ' ' || end[1] == '\0' || start + bytes < start)
			continue;
		if (!entry_add(map, start, bytes, end + 1))
			return false;
	}
	return true;
}

/* Of equal starts the later line comes last: names lie in the text in the order of the lines. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

struct perf_map *perf_map_open(const char *dir, uint32_t pid, uint32_t owner_uid,
			       uint64_t began_real_ns)
{
	struct perf_map *map = calloc(1, sizeof(*map));
	char path[4096];

	snprintf(path, sizeof(path), "%s/perf-%" PRIu32 ".map", dir, pid);
	if (map)
		map->text = file_read(path, owner_uid, began_real_ns);
	if (!map || !map->text || !lines_read(map) || map->count == 0) {
		perf_map_free(map);
		return NULL;
	}
	qsort(map->entries, map->count, sizeof(*map->entries), compare_entries);
	return map;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	free(map->entries);
	free(map->text);
	free(map);
}

/* How many begin at or below the address. */
static size_t entries_below(const struct perf_map *map, uint64_t address)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->entries[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct jit_name perf_map_find(const struct perf_map *map, uint64_t address)
{
	const struct entry *found = NULL;

	for (size_t i = map ? entries_below(map, address) : 0; i-- > 0;) {
		const struct entry *entry = &map->entries[i];
		if (address - entry->start >= map->longest)
			break;
		if (address < entry->end && (!found || entry->name > found->name))
			found = entry;
	}
	return found ? (struct jit_name){found->name, address - found->start}
		     : (struct jit_name){NULL, 0};
}

/* Where ":12" begins, as whose end the text ends; NULL: it does not. */
static const char *number_before(const char *text, const char *end, int *number)
{
	const char *at = end;

	while (at > text && at[-1] >= '0' && at[-1] <= '9')
		at--;
	if (at == end || end - at > 9 || at <= text || at[-1] != ':')
		return NULL;
	*number = atoi(at);
	return at - 1;
}

/* Behind "JS:*" and its like, which say how it was compiled; NULL: it is no function of JavaScript.
 */
static const char *kind_skip(const char *name)
{
	static const char *const kinds[] = {"JS:", "LazyCompile:", "Function:", "Script:", "Eval:"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t length = strlen(kinds[i]);
		if (strncmp(name, kinds[i], length) == 0)
			return name + length + strspn(name + length, "~^+*");
	}
	return NULL;
}

/* The blank before the file: names ("get size") and paths may have some too. NULL: there is none.
 */
static const char *place_find(const char *text)
{
	static const char *const begins[] = {" /", " node:", " file:"};

	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++) {
		const char *found = strstr(text, begins[i]);
		if (found)
			return found;
	}
	return strchr(text, ' ');
}

/* "JS:*name file:line:column", older "LazyCompile:~name file:line". */
void jit_name_cut(const char *name, char **function, char **file, int *line)
{
	const char *at = kind_skip(name), *space = at ? place_find(at) : NULL;
	const char *end = space ? number_before(space, name + strlen(name), line) : NULL;
	const char *before = end ? number_before(space, end, line) : NULL;

	end = before ? before : end;
	*file = NULL;
	if (!end || end == space + 1) {
		*line = 0;
		*function = strdup(name);
		return;
	}
	*function = space == at ? strdup("(anonymous)") : strndup(at, (size_t)(space - at));
	*file = strndup(space + 1, (size_t)(end - space - 1));
}
