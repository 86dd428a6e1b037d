/* SPDX-License-Identifier: Apache-2.0
 *
 * See cpython_layout.h.
 */
#include "cpython_layout.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NONE CPYTHON_NONE

/* Before the final ones of a minor version there are alphas (0xA) and betas (0xB) with layouts of
 * their own, and candidates (0xC). */
#define RELEASE_LEVEL_CANDIDATE 0xc

static const struct cpython_layout layouts[] = {
#define LAYOUT(...) {__VA_ARGS__},
#include "cpython_layout.def"
#undef LAYOUT
};

/* ---- What the program says itself ------------------------------------------------------------ */

static const struct cpython_layout words_of[] = {
#define SELF(...) {__VA_ARGS__},
#include "cpython_layout.def"
#undef SELF
};

static const uint16_t fields[] = {
#define LAYOUT_FIELD(name) offsetof(struct cpython_layout, name),
#include "cpython_layout.def"
#undef LAYOUT_FIELD
};

#define COOKIE		   "xdebugpy"
#define WORD_VERSION	   1
#define WORD_FREE_THREADED 2
#define WORDS		   128
#define OFFSET_MAX	   16384 /* of all that are asked for; the largest known is 7,344 */
#define UTF8_COPY_BYTES	   16	 /* PyCompactUnicodeObject: beyond PyASCIIObject */

static uint16_t *field_at(struct cpython_layout *layout, size_t i)
{
	return (uint16_t *)((char *)layout + fields[i]);
}

static bool words_take(struct cpython_layout *layout, const uint64_t words[WORDS])
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint16_t *field = field_at(layout, i);

		if (*field == NONE)
			continue;
		if (*field >= WORDS || words[*field] > OFFSET_MAX)
			return false;
		*field = (uint16_t)words[*field];
	}
	layout->text_other = (uint16_t)(layout->text_ascii + UTF8_COPY_BYTES);
	return true;
}

/* Why not; NULL: it has been read. */
static const char *self_read(struct cpython_layout *layout, uint32_t release,
			     struct remote_memory *memory, uint64_t runtime)
{
	uint64_t words[WORDS];

	if (!remote_read(memory, runtime, words, sizeof(words)))
		return "cannot be read";
	if (memcmp(words, COOKIE, sizeof(words[0])) != 0 ||
	    words[WORD_VERSION] >> 16 != release >> 16)
		return "does not say where its data lies";
	if (words[WORD_FREE_THREADED])
		return "is built to run without its lock (GIL)";
	return words_take(layout, words) ? NULL : "says what cannot be of where its data lies";
}

/* ---- The choice ------------------------------------------------------------------------------ */

static const struct cpython_layout *row_find(const struct cpython_layout *rows, size_t count,
					     uint32_t version)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].version == version)
			return &rows[i];
	return NULL;
}

static bool is_prerelease(uint32_t release)
{
	return (release & 0xffff) != 0 && (release >> 4 & 0xf) < RELEASE_LEVEL_CANDIDATE;
}

bool cpython_layout_choose(struct cpython_layout *layout, uint32_t release,
			   struct remote_memory *memory, uint64_t runtime,
			   char note[RUNTIME_NOTE_BYTES])
{
	uint32_t major = release >> 24, minor = release >> 16 & 0xff;
	const struct cpython_layout *known, *self;
	const char *problem = NULL;

	known = row_find(layouts, sizeof(layouts) / sizeof(layouts[0]), major * 100 + minor);
	self = row_find(words_of, sizeof(words_of) / sizeof(words_of[0]), major * 100 + minor);
	if (is_prerelease(release) || (!known && !self)) {
		snprintf(note, RUNTIME_NOTE_BYTES,
			 "no names of Python functions for CPython %u.%u%s", major, minor,
			 is_prerelease(release) ? " before its release" : "");
		return false;
	}
	*layout = known ? *known : *self;
	if (!known)
		problem = self_read(layout, release, memory, runtime);
	if (problem)
		snprintf(note, RUNTIME_NOTE_BYTES, "no names of Python functions: CPython %u.%u %s",
			 major, minor, problem);
	return !problem;
}
