/* SPDX-License-Identifier: Apache-2.0
 *
 * A directory of traces as one input: for each file 8 bytes (its length, then flags), then its
 * bytes. What does not begin with FOLDER_MAGIC is one file: so the seeds of the other fuzzers are
 * seeds here.
 */
#ifndef FUZZ_FOLDER_H
#define FUZZ_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FOLDER_MAGIC	  "UVFOLDER"
#define FOLDER_FILES	  6
#define FOLDER_FILE_BYTES 32768

enum dir_flag {
	FOLDER_FILE_RAW = 1, /* checksums stay as they are */
	FOLDER_FILE_OPEN = 2 /* still being written, by its name */
};

struct dir_file {
	uint32_t bytes, flags;
	uint8_t data[FOLDER_FILE_BYTES];
};

struct dir {
	size_t count;
	struct dir_file files[FOLDER_FILES];
};

static inline void dir_add(struct dir *dir, const uint8_t *data, size_t bytes, uint32_t flags)
{
	struct dir_file *file = &dir->files[dir->count];

	if (dir->count == FOLDER_FILES)
		return;
	dir->count++;
	file->bytes = (uint32_t)(bytes < FOLDER_FILE_BYTES ? bytes : FOLDER_FILE_BYTES);
	file->flags = flags;
	memcpy(file->data, data, file->bytes);
}

static inline void dir_parse(struct dir *dir, const uint8_t *data, size_t bytes)
{
	size_t at = sizeof(FOLDER_MAGIC) - 1;

	dir->count = 0;
	if (bytes < at || memcmp(data, FOLDER_MAGIC, at) != 0) {
		dir_add(dir, data, bytes, 0);
		return;
	}
	while (bytes - at >= 8 && dir->count < FOLDER_FILES) {
		uint32_t numbers[2];
		size_t length;

		memcpy(numbers, data + at, sizeof(numbers));
		at += sizeof(numbers);
		length = numbers[0] < bytes - at ? numbers[0] : bytes - at;
		dir_add(dir, data + at, length, numbers[1]);
		at += length;
	}
}

/* Returns the length; files that have no room are left out. */
static inline size_t dir_write(const struct dir *dir, uint8_t *data, size_t max)
{
	size_t at = sizeof(FOLDER_MAGIC) - 1;

	if (max < at)
		return 0;
	memcpy(data, FOLDER_MAGIC, at);
	for (size_t i = 0; i < dir->count; i++) {
		const struct dir_file *file = &dir->files[i];

		if (max - at < 8 + (size_t)file->bytes)
			continue;
		memcpy(data + at, &file->bytes, 4);
		memcpy(data + at + 4, &file->flags, 4);
		memcpy(data + at + 8, file->data, file->bytes);
		at += 8 + (size_t)file->bytes;
	}
	return at;
}

#endif
