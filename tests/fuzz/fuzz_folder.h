/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of traces as one input: for each file 8 bytes (its length, then flags), then its bytes. What does not begin
 * with FOLDER_MAGIC is one file: so the seeds of the other fuzzers are seeds here.
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

enum folder_flag {
	FOLDER_FILE_RAW = 1, /* checksums stay as they are */
	FOLDER_FILE_OPEN = 2 /* still being written, by its name */
};

struct folder_file {
	uint32_t bytes, flags;
	uint8_t data[FOLDER_FILE_BYTES];
};

struct folder {
	size_t count;
	struct folder_file files[FOLDER_FILES];
};

static inline void folder_add(struct folder *folder, const uint8_t *data, size_t bytes, uint32_t flags)
{
	struct folder_file *file = &folder->files[folder->count];

	if (folder->count == FOLDER_FILES)
		return;
	folder->count++;
	file->bytes = (uint32_t)(bytes < FOLDER_FILE_BYTES ? bytes : FOLDER_FILE_BYTES);
	file->flags = flags;
	memcpy(file->data, data, file->bytes);
}

static inline void folder_parse(struct folder *folder, const uint8_t *data, size_t bytes)
{
	size_t at = sizeof(FOLDER_MAGIC) - 1;

	folder->count = 0;
	if (bytes < at || memcmp(data, FOLDER_MAGIC, at) != 0) {
		folder_add(folder, data, bytes, 0);
		return;
	}
	while (bytes - at >= 8 && folder->count < FOLDER_FILES) {
		uint32_t numbers[2];
		size_t length;

		memcpy(numbers, data + at, sizeof(numbers));
		at += sizeof(numbers);
		length = numbers[0] < bytes - at ? numbers[0] : bytes - at;
		folder_add(folder, data + at, length, numbers[1]);
		at += length;
	}
}

/* Returns the length; files that have no room are left out. */
static inline size_t folder_write(const struct folder *folder, uint8_t *data, size_t max)
{
	size_t at = sizeof(FOLDER_MAGIC) - 1;

	if (max < at)
		return 0;
	memcpy(data, FOLDER_MAGIC, at);
	for (size_t i = 0; i < folder->count; i++) {
		const struct folder_file *file = &folder->files[i];

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
