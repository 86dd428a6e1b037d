/* SPDX-License-Identifier: Apache-2.0
 *
 * See stall_scripts.h.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stall_scripts.h"

#define PLAIN_BYTES 256

struct samples {
	const struct stall *const *list;
	size_t count;
	uint64_t ticks; /* of all */
};

/* ---- Names ----------------------------------------------------------------------------------- */

void stall_plain_name(char *plain, size_t bytes, const char *name)
{
	static const char *const ends[] = {"_slow64", "_slow", "_full64", "_full", "_common"};

	name += strncmp(name, "__GI_", 5) == 0 ? 5 : 0;
	name += strspn(name, "_");
	name += strncmp(name, "new_", 4) == 0 ? 4 : 0;
	snprintf(plain, bytes, "%.*s", (int)strcspn(name, ".@"), name);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t length = strlen(plain), end = strlen(ends[i]);
		if (length > end && strcmp(plain + length - end, ends[i]) == 0)
			plain[length - end] = '\0';
	}
}

/* ---- Frames ---------------------------------------------------------------------------------- */

bool stall_frame_explains(const struct stack_frame *frame)
{
	return frame->symbol->named && !frame->scanned && !frame->is_marker;
}

const struct symbol_info *stall_call_before(const struct stall *stall, size_t at)
{
	while (at-- > 0)
		if (stall_frame_explains(&stall->frames[at]))
			return stall->frames[at].symbol;
	return NULL;
}

static bool is_same(const struct stack_frame *a, const struct stack_frame *b)
{
	if (a->script && b->script)
		return stall_same_script(a->script, b->script);
	return !a->script && !b->script && strcmp(a->symbol->name, b->symbol->name) == 0 &&
	       strcmp(a->symbol->module, b->symbol->module) == 0;
}

/* The innermost frame of the sample that is this function; frame_count: none. */
static size_t place_of(const struct stall *stall, const struct stack_frame *own)
{
	size_t at = 0;

	while (at < stall->frame_count &&
	       !(stall->frames[at].is_own && is_same(&stall->frames[at], own)))
		at++;
	return at;
}

static bool most_share(const struct samples *samples, const struct stack_frame *own)
{
	uint64_t ticks = 0;

	for (size_t i = 0; i < samples->count; i++)
		if (place_of(samples->list[i], own) < samples->list[i]->frame_count)
			ticks += samples->list[i]->ticks;
	return ticks > samples->ticks / 2 || samples->count == 1;
}

/* How many functions of the sample most share; the innermost of these is *own. */
static size_t shared_depth(const struct samples *samples, const struct stall *stall, size_t *own)
{
	size_t depth = 0;

	for (size_t i = stall->frame_count; i-- > 0;) {
		if (!stall->frames[i].is_own || !most_share(samples, &stall->frames[i]))
			continue;
		*own = i;
		depth++;
	}
	return depth;
}

/* Of the samples that have most of these functions, the one that stands for most. */
static void shared_choose(const struct samples *samples, struct stall_shared *shared)
{
	size_t deepest = 0;

	for (size_t i = 0; i < samples->count; i++) {
		const struct stall *stall = samples->list[i];
		size_t own = 0, depth = shared_depth(samples, stall, &own);

		if (depth == 0 || depth < deepest ||
		    (depth == deepest && stall->ticks <= shared->stall->ticks))
			continue;
		deepest = depth;
		shared->stall = stall;
		shared->own = &stall->frames[own];
	}
	if (!shared->stall)
		return;
	for (const struct stack_frame *frame = shared->own + 1;
	     frame < shared->stall->frames + shared->stall->frame_count; frame++)
		if (frame->is_own && !is_same(frame, shared->own)) {
			shared->caller = frame;
			return;
		}
}

/* ---- What it called -------------------------------------------------------------------------- */

/* Where the function is a sample's innermost one: what that sample says; else, or where it called
 * nothing that explains: "". */
static void call_name(const struct stall *stall, const struct stack_frame *own, char *name,
		      size_t bytes)
{
	size_t at = place_of(stall, own);
	const struct symbol_info *symbol;

	*name = '\0';
	for (size_t i = 0; i < at; i++)
		if (stall->frames[i].is_own)
			return;
	if (own->script)
		snprintf(name, bytes, "%s", stall->script.call_name ? stall->script.call_name : "");
	else if (at < stall->frame_count && (symbol = stall_call_before(stall, at)))
		stall_plain_name(name, bytes, symbol->name);
}

static int call_choose(const struct samples *samples, struct stall_shared *shared)
{
	char name[PLAIN_BYTES], other[PLAIN_BYTES];
	uint64_t all = 0, agree = 0;

	call_name(shared->stall, shared->own, name, sizeof(name));
	for (size_t i = 0; i < samples->count; i++) {
		const struct stall *stall = samples->list[i];

		if (place_of(stall, shared->own) == stall->frame_count)
			continue;
		call_name(stall, shared->own, other, sizeof(other));
		all += stall->ticks;
		agree += strcmp(name, other) == 0 ? stall->ticks : 0;
	}
	if (!*name || (agree <= all / 2 && samples->count > 1))
		return 0;
	shared->call = strdup(name);
	return shared->call ? 0 : -ENOMEM;
}

int stall_shared_find(const struct stall *const *list, size_t count, struct stall_shared *shared)
{
	struct samples samples = {list, count, 0};

	*shared = (struct stall_shared){0};
	for (size_t i = 0; i < count; i++)
		samples.ticks += list[i]->ticks;
	shared_choose(&samples, shared);
	return shared->stall ? call_choose(&samples, shared) : 0;
}
