/* SPDX-License-Identifier: Apache-2.0
 *
 * A heap of V8's that is made by hand, in memory of an imaginary process, and the layout that goes
 * with it: version 12.4, with numbers that are exported, as far as V8 exports them.
 */
#ifndef V8_HEAP_HELPER_H
#define V8_HEAP_HELPER_H

#include <errno.h>

#include "elf_image_helper.h"
#include "runtimes/v8_internal.h"

#define HEAP_BASE  0x200000ull
#define HEAP_WORDS 65536u
#define HEAP_PID   9u

enum {
	TYPE_TWO_BYTE = 0x20,
	TYPE_ONE_BYTE = 0x28,
	TYPE_FUNCTION = 2066,
	TYPE_SFI = 300,
	TYPE_SCRIPT,
	TYPE_SCOPE,
	TYPE_CODE,
	TYPE_BYTECODES,
	TYPE_BYTES,
	TYPE_STREAM,
	TYPE_ARRAY,
	TYPE_REGEXP,
};
enum { TAG_CONS = 1, TAG_EXTERNAL = 2, TAG_SLICED = 3, TAG_THIN = 5 };
enum { MARKER_ENTRY = 1, MARKER_EXIT = 3, MARKER_INTERNAL = 5 };

#define DBG "v8dbg_"
#define HEAP_VERSION(major, minor)                                                                 \
	{"_ZN2v88internal7Version6major_E", major},                                                \
	{                                                                                          \
		"_ZN2v88internal7Version6minor_E", minor                                           \
	}

/* The first three are what tests change. */
static struct image_symbol heap_symbols[] = {
    HEAP_VERSION(12, 4),
    {DBG "TaggedSize", 8},
    {"_ZN2v88internal18g_current_isolate_E", 0},
    {DBG "class_Map__instance_type__uint16_t", 12},
    {DBG "FirstJSFunctionType", TYPE_FUNCTION},
    {DBG "LastJSFunctionType", TYPE_FUNCTION + 16},
    {DBG "type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE", TYPE_SFI},
    {DBG "type_Script__SCRIPT_TYPE", TYPE_SCRIPT},
    {DBG "type_ScopeInfo__SCOPE_INFO_TYPE", TYPE_SCOPE},
    {DBG "type_Code__CODE_TYPE", TYPE_CODE},
    {DBG "type_BytecodeArray__BYTECODE_ARRAY_TYPE", TYPE_BYTECODES},
    {DBG "type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE", TYPE_BYTES},
    {DBG "type_InstructionStream__INSTRUCTION_STREAM_TYPE", TYPE_STREAM},
    {DBG "type_FixedArray__FIXED_ARRAY_TYPE", TYPE_ARRAY},
    {DBG "class_JSFunction__shared__SharedFunctionInfo", 32},
    {DBG "class_SharedFunctionInfo__name_or_scope_info__Object", 16},
    {DBG "class_SharedFunctionInfo__script__Tagged_HeapObject_", 32},
    {DBG "class_BytecodeArray__data__uintptr_t", 64},
    {DBG "CodeKindBaseline", 10},
    {DBG "scopeinfo_idx_first_vars", 3},
    {DBG "class_Script__name__Object", 16},
    {DBG "class_Script__source__Object", 8},
    {DBG "class_Script__line_ends__Object", 56},
    {DBG "ConsStringTag", TAG_CONS},
    {DBG "ExternalStringTag", TAG_EXTERNAL},
    {DBG "SlicedStringTag", TAG_SLICED},
    {DBG "ThinStringTag", TAG_THIN},
    {DBG "frametype_EntryFrame", MARKER_ENTRY},
    {DBG "frametype_ExitFrame", MARKER_EXIT},
    {DBG "frametype_InternalFrame", MARKER_INTERNAL},
    {DBG "type_JSRegExp__JS_REG_EXP_TYPE", TYPE_REGEXP},
    {DBG "class_JSRegExp__source__Object", 32},
};
#define HEAP_SYMBOLS (sizeof(heap_symbols) / sizeof(heap_symbols[0]))

static struct elf_image heap_image;
static uint64_t heap_words[HEAP_WORDS];
static uint32_t heap_used; /* words */
static struct remote_memory heap_memory;

static inline int64_t heap_source(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	uint64_t from = address - HEAP_BASE;

	cr_assert_eq(pid, HEAP_PID);
	if (address < HEAP_BASE || from + bytes > sizeof(heap_words))
		return -EFAULT;
	memcpy(to, (uint8_t *)heap_words + from, bytes);
	return (int64_t)bytes;
}

/* Reads the layout, as from the file of a program; the note, or NULL where there is none. */
static inline const char *heap_layout(bool *opened)
{
	static char note[RUNTIME_NOTE_BYTES];
	struct runtime_module module = {.is_executable = true, .path = "node"};

	note[0] = '\0';
	image_make(&heap_image, heap_symbols, HEAP_SYMBOLS);
	cr_assert(elf_names_open(&module.names, image_file(&heap_image, IMAGE_BYTES)));
	*opened = runtime_v8.open(&module, &heap_memory, note);
	elf_names_close(&module.names);
	return note[0] ? note : NULL;
}

static inline void heap_begin(void)
{
	bool opened;

	memset(heap_words, 0, sizeof(heap_words));
	heap_used = 0;
	remote_init(&heap_memory, HEAP_PID, heap_source);
	cr_assert_null(heap_layout(&opened));
	cr_assert(opened);
}

/* ---- Objects --------------------------------------------------------------------------------- */

static inline uint64_t *heap_at(uint64_t tagged, uint32_t offset)
{
	return &heap_words[(tagged - 1 + offset - HEAP_BASE) / 8];
}

static inline uint64_t smi(int64_t value)
{
	return (uint64_t)value << 32;
}

static inline uint64_t heap_take(uint32_t words)
{
	uint64_t tagged = HEAP_BASE + 8ull * heap_used + 1;

	cr_assert_leq(heap_used + words, HEAP_WORDS);
	heap_used += words;
	return tagged;
}

static inline uint64_t heap_object(uint16_t type, uint32_t words)
{
	uint64_t map = heap_take(3), object = heap_take(words);

	memcpy((uint8_t *)heap_at(map, 0) + 12, &type, sizeof(type));
	*heap_at(object, 0) = map;
	return object;
}

static inline uint64_t heap_string_of(uint16_t type, const void *text, uint32_t units,
				      uint32_t unit)
{
	uint64_t string = heap_object(type, 3 + units * unit / 8);

	memcpy((uint8_t *)heap_at(string, 0) + 12, &units, 4);
	memcpy(heap_at(string, 16), text, (size_t)units * unit);
	return string;
}

static inline uint64_t heap_string(const char *text)
{
	return heap_string_of(TYPE_ONE_BYTE, text, (uint32_t)strlen(text), 1);
}

/* A string of others: cons, sliced, thin. */
static inline uint64_t heap_string_made(uint16_t tag, uint32_t units, uint64_t first,
					uint64_t second)
{
	uint64_t string = heap_object(TYPE_ONE_BYTE | tag, 4);

	memcpy((uint8_t *)heap_at(string, 0) + 12, &units, 4);
	*heap_at(string, 16) = first;
	*heap_at(string, 24) = second;
	return string;
}

static inline uint64_t heap_bytes(const uint8_t *bytes, uint32_t count)
{
	uint64_t array = heap_object(TYPE_BYTES, 3 + count / 8);

	*heap_at(array, 8) = smi(count);
	memcpy(heap_at(array, 16), bytes, count);
	return array;
}

static inline uint64_t heap_script(const char *name, const char *source)
{
	uint64_t script = heap_object(TYPE_SCRIPT, 8);

	*heap_at(script, 16) = heap_string(name);
	*heap_at(script, 8) = heap_string(source);
	return script;
}

/* A scope with a name and a range of the source, and no variables. */
static inline uint64_t heap_scope(const char *name, int32_t start)
{
	uint64_t scope = heap_object(TYPE_SCOPE, 10);

	*heap_at(scope, 8) = smi(1 << 12); /* it has a name */
	*heap_at(scope, 32) = heap_string(name);
	*heap_at(scope, 40) = 0;
	*heap_at(scope, 48) = smi(start);
	return scope;
}

static inline uint64_t heap_sfi(const char *name, int32_t start, uint64_t script, uint64_t data)
{
	uint64_t sfi = heap_object(TYPE_SFI, 6);

	*heap_at(sfi, 8) = data;
	*heap_at(sfi, 16) = heap_scope(name, start);
	*heap_at(sfi, 32) = script;
	return sfi;
}

static inline uint64_t heap_function(uint64_t sfi)
{
	uint64_t function = heap_object(TYPE_FUNCTION, 6);

	*heap_at(function, 32) = sfi;
	return function;
}

/* ---- Tables of positions --------------------------------------------------------------------- */

static uint8_t table_bytes[4096];
static uint32_t table_used;
static int64_t table_source;

static inline void table_put(uint64_t number)
{
	do {
		table_bytes[table_used++] = (uint8_t)((number & 0x7f) | (number > 0x7f) << 7);
		number >>= 7;
	} while (number);
}

static inline void table_begin(void)
{
	table_used = 0;
	table_source = 0;
}

/* `step` bytes of code further on comes this position; inlined: of an inlined function's number. */
static inline void table_step(uint32_t step, int32_t position, int32_t inlined)
{
	int64_t source = ((int64_t)(position + 1) << 1) | ((int64_t)(inlined + 1) << 31);
	int64_t by = source - table_source;

	table_put((uint64_t)step << 1);
	table_put(by < 0 ? (uint64_t)-by * 2 - 1 : (uint64_t)by * 2);
	table_source = source;
}

static inline uint64_t heap_table(void)
{
	return heap_bytes(table_bytes, table_used);
}

static inline uint64_t heap_bytecodes(uint32_t length, uint64_t table)
{
	uint64_t bytecodes = heap_object(TYPE_BYTECODES, 8 + length / 8 + 1);

	*heap_at(bytecodes, 8) = smi(length);
	*heap_at(bytecodes, 24) = table;
	return bytecodes;
}

#endif
