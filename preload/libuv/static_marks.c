/* SPDX-License-Identifier: Apache-2.0
 *
 * See static_marks.h.
 */
#include "static_marks.h"

#include <string.h>

#define LIKELY_BYTES_MAX ((size_t)64 << 20)

struct mark {
	const char *text;
	size_t bytes; /* with its final NUL */
};

#define MARK(text)                                                                                 \
	{                                                                                          \
		text, sizeof(text)                                                                 \
	}

/* What libuv asks the environment for. A program that was optimized as a whole has it only if it
 * uses the thread pool. */
static const struct mark certain = MARK("UV_THREADPOOL_SIZE");

/* What libuv says of an error that it does not know. */
static const struct mark likely = MARK("Unknown system error %d");

static bool has(const struct elf_image *image, const struct mark *mark, size_t bytes_max,
		uint32_t flags)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const ElfW(Phdr) *segment = &image->segments[i];
		uintptr_t start = image->bias + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && (segment->p_flags & flags) == PF_R &&
		    segment->p_filesz <= bytes_max &&
		    memmem((const void *)start, segment->p_filesz, mark->text, mark->bytes))
			return true;
	}
	return false;
}

bool static_marks_are_certain(const struct elf_image *image, size_t bytes_max, uint32_t flags)
{
	return has(image, &certain, bytes_max, flags);
}

enum static_marks static_marks_find(const struct elf_image *image)
{
	if (has(image, &certain, SIZE_MAX, PF_R | PF_W))
		return MARKS_CERTAIN;
	return has(image, &likely, LIKELY_BYTES_MAX, PF_R | PF_W) ? MARKS_LIKELY : MARKS_NONE;
}
