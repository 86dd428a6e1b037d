/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target: the memory of a program with a CPython in it, as it may be found: any words of
 * it changed, pages that cannot be read. Each version's memory is made as in the unit tests
 * (tests/unit/runtimes/python_memory.h), with names of every width, generators and recursion.
 *
 * Input: the version; the page that cannot be read; then changes of 12 bytes each: what is done,
 * the word (a place in memory, in words), the value. Whatever is changed: reads are bounded, what
 * is told is within its bounds, texts are UTF-8 without control characters. A mutation is a change
 * more, less or other.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/runtimes/python_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

#define HEAD_BYTES  2
#define CHANGES_MAX 32

struct change {
	uint8_t what, reserved;
	uint16_t word;
	uint64_t value;
} __attribute__((packed));

static struct python_memory wholes[MEMORY_VERSIONS];

/* ---- What there is to read ------------------------------------------------------------------- */

static uint64_t code_add(struct python_memory *memory, uint64_t name, uint32_t first_line)
{
	return memory_add_code(memory, name, memory_add_ascii(memory, "/srv/app.py"), first_line);
}

static void whole_make(struct python_memory *memory, uint16_t version)
{
	uint64_t again, values, frame;

	memory_begin(memory, version);
	again = code_add(memory, memory_add_text(memory, "gr\xf6\xdf", 4, 1, false), 3);
	values = code_add(memory, memory_add_text(memory, u"内側", 2, 2, false), 40);
	for (int i = 0; i < 5; i++)
		memory_add_frame(memory, again, i - 1, i % 2 == 0);
	frame = memory_add_frame(memory, values, 2, true);
	if (memory->python.layout.frame_owner != CPYTHON_NONE)
		memory_put(memory, frame + memory->python.layout.frame_owner, "\1", 1);
	memory_add_frame(memory, code_add(memory, memory_add_text(memory, U"𝒳", 1, 4, false), 60),
			 9, false);
	memory_add_frame(memory, code_add(memory, memory_add_ascii(memory, "<module>"), 1), 30,
			 true);
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Another address in the memory, a number, the word and a bit more, or some of its bytes. */
static void change_make(struct python_memory *memory, const struct change *change)
{
	uint64_t at = (uint64_t)change->word * 8 % memory->used, value = change->value, before;

	memcpy(&before, memory->bytes + at, sizeof(before));
	switch (change->what % 4) {
	case 0:
		value = MEMORY_BASE + value % MEMORY_BYTES;
		break;
	case 1:
		break;
	case 2:
		value = before + (uint64_t)(int64_t)(int8_t)value;
		break;
	case 3:
		value = before ^ (value & 0xff) << (change->what >> 2 & 7) * 8;
		break;
	}
	memcpy(memory->bytes + at, &value, sizeof(value));
}

static void input_apply(struct python_memory *memory, const uint8_t *data, size_t bytes)
{
	struct change change;

	memory->unreadable = data[1] ? MEMORY_BASE + (uint64_t)data[1] * REMOTE_PAGE_BYTES : 0;
	for (size_t at = HEAD_BYTES, i = 0; bytes - at >= sizeof(change) && i < CHANGES_MAX;
	     at += sizeof(change), i++) {
		memcpy(&change, data + at, sizeof(change));
		change_make(memory, &change);
	}
}

/* ---- What must hold -------------------------------------------------------------------------- */

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Of a character's bytes behind the first: how many there are. */
static int utf8_rest(uint8_t c)
{
	require(c >= 0x20 && c != 0x7f && c < 0xf8 && (c & 0xc0) != 0x80);
	return c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
}

static void text_check(const struct script_stack *stack, uint32_t at, size_t bytes_max)
{
	const uint8_t *text = (const uint8_t *)stack->text + at;

	require(at < stack->text_bytes && stack->text_bytes <= SCRIPT_TEXT_BYTES);
	require(strlen((const char *)text) < bytes_max);
	for (int rest; *text; text++)
		for (rest = utf8_rest(*text); rest > 0; rest--)
			require((*++text & 0xc0) == 0x80);
}

static void stack_check(const struct script_stack *stack)
{
	bool is_told = stack->status == TRACE_SCRIPT_WHOLE || stack->status == TRACE_SCRIPT_CUT;

	require(stack->status <= TRACE_SCRIPT_LOST && stack->count <= TRACE_SCRIPT_FRAMES_MAX);
	require(is_told == (stack->count > 0));
	for (uint32_t i = 0; i < stack->count; i++) {
		const struct script_frame *frame = &stack->frames[i];

		require(frame->kind == TRACE_SCRIPT_PYTHON && frame->frame == 0);
		require(!frame->function == !!(frame->flags & TRACE_SCRIPT_UNREADABLE));
		text_check(stack, frame->function, SCRIPT_FUNCTION_BYTES_MAX);
		text_check(stack, frame->file, SCRIPT_FILE_BYTES_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct python_memory memory;
	static struct script_stack stack;
	char note[RUNTIME_NOTE_BYTES] = "";
	uint32_t reads;

	if (!wholes[0].used)
		for (size_t i = 0; i < MEMORY_VERSIONS; i++)
			whole_make(&wholes[i], memory_versions[i]);
	if (bytes < HEAD_BYTES)
		return 0;
	memory = wholes[data[0] % MEMORY_VERSIONS];
	input_apply(&memory, data, bytes);
	if (!memory_choose(&memory, note)) {
		require(note[0] != '\0');
		return 0;
	}
	memory_walk(&memory, &stack, &reads);
	require(reads <= REMOTE_READS_MAX);
	stack_check(&stack);
	if (bytes < HEAD_BYTES + sizeof(struct change) && !memory.unreadable)
		require(stack.status == TRACE_SCRIPT_WHOLE && stack.count == 8);
	return 0;
}
