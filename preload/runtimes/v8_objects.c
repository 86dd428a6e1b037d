/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects of V8's heap: what they are, the text of strings, and the name and the file of a function
 * (v8_internal.h).
 *
 * Rules: an object counts as what it should be only if its map says exactly that type. While V8
 * moves an object, the old one has the address of the new one in place of its map; its other words
 * are as they were. A string may then be another: of one that leads to a second one (thin, or the
 * flattened sum of two) V8 keeps the second alone. So of strings the new one is read.
 */
#include "v8_internal.h"

#include <string.h>

#define STRING_TYPES_END   128 /* instance types below are strings */
#define STRING_SHAPE	   7   /* of a type: sequential, cons, ... */
#define STRING_ONE_BYTE	   8
#define STRING_UNCACHED	   16 /* an external one whose text has no address in the object */
#define STRING_LENGTH_AT   12
#define STRING_TEXT_AT	   16 /* of a sequential one; else its first field */
#define STRING_SECOND_AT   24
#define STRING_LENGTH_MAX  (1u << 29)
#define STRING_DEPTH_MAX   6
#define STRING_MOVES_MAX   3
#define STRING_CHUNK_BYTES 128

#define SCOPE_FLAGS_AT	    8 /* then: parameters, locals, and where it has them start and end */
#define SCOPE_HEAD_WORDS    5
#define SCOPE_LOCALS_MAX    (1u << 20)
#define SCOPE_LOCALS_INLINE 75 /* from here on the names are in a table of their own */

/* Of a scope's flags. */
#define SCOPE_HAS_CLASS_VARIABLE(flags) ((flags) >> 10 & 1)
#define SCOPE_HAS_NAME(flags)		(((flags) >> 12 & 3) != 0)
#define SCOPE_HAS_INFERRED_NAME(flags)	((flags) >> 14 & 1)

/* ---- Words and objects ----------------------------------------------------------------------- */

bool v8_is_object(uint64_t value)
{
	return (value & 7) == 1;
}

bool v8_is_smi(uint64_t value)
{
	return (value & UINT32_MAX) == 0;
}

int64_t v8_smi(uint64_t value)
{
	return v8_is_smi(value) ? (int64_t)value >> 32 : -1;
}

uint64_t v8_field(struct remote_memory *memory, uint64_t object, uint32_t offset)
{
	return remote_u64(memory, object - 1 + offset);
}

/* 0: it is no object. */
static uint64_t map_of(struct remote_memory *memory, uint64_t object)
{
	uint64_t map;

	if (!v8_is_object(object))
		return 0;
	map = v8_field(memory, object, 0);
	if ((map & 3) == 0) /* an address without tag: it was moved there */
		map = remote_u64(memory, map);
	return v8_is_object(map) ? map : 0;
}

static bool type_read(struct remote_memory *memory, uint64_t object, uint16_t *type)
{
	uint64_t map = map_of(memory, object);

	return map && remote_read(memory, map - 1 + v8_layout.map_type, type, sizeof(*type));
}

uint16_t v8_type(struct remote_memory *memory, uint64_t object)
{
	uint16_t type;

	return type_read(memory, object, &type) ? type : 0;
}

/* Type 0 is a string's too, of a kind that no name has: an internalized two-byte one. */
static bool string_type(struct remote_memory *memory, uint64_t object, uint16_t *type)
{
	return type_read(memory, object, type) && *type < STRING_TYPES_END;
}

/* ---- Strings --------------------------------------------------------------------------------- */

/* A part of a string, and where its text goes. */
struct string_part {
	struct remote_memory *memory;
	char *to;
	size_t bytes, used;
	bool full;
};

uint64_t v8_string_place(struct remote_memory *memory, uint64_t string)
{
	for (int i = 0; i < STRING_MOVES_MAX && v8_is_object(string); i++) {
		uint64_t map = v8_field(memory, string, 0);

		if (!map || map & 3)
			break;
		string = map + 1;
	}
	return string;
}

static uint32_t string_length(struct remote_memory *memory, uint64_t string)
{
	return remote_u32(memory, string - 1 + STRING_LENGTH_AT);
}

static bool part_append(struct string_part *part, const uint8_t *text, size_t units, bool one_byte)
{
	for (size_t i = 0; i < units && !part->full; i++) {
		uint32_t c = one_byte ? text[i] : text[2 * i] | (uint32_t)text[2 * i + 1] << 8;
		uint32_t low = one_byte || i + 1 == units
				   ? 0
				   : text[2 * i + 2] | (uint32_t)text[2 * i + 3] << 8;

		if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
			i++;
		}
		part->full = !script_text_append(part->to, part->bytes, &part->used, c);
	}
	return true;
}

/* Sequential and external strings: the text lies in one piece. */
static bool flat_append(struct string_part *part, uint64_t text, uint16_t type, uint32_t count)
{
	bool one_byte = type & STRING_ONE_BYTE;
	uint32_t unit = one_byte ? 1 : 2, chunk = STRING_CHUNK_BYTES / unit;
	uint8_t buffer[STRING_CHUNK_BYTES];

	for (uint32_t done = 0; done < count && !part->full; done += chunk) {
		uint32_t some = count - done < chunk ? count - done : chunk;

		if (!remote_read(part->memory, text + (uint64_t)done * unit, buffer, some * unit))
			return false;
		part_append(part, buffer, some, one_byte);
	}
	return true;
}

static bool string_append(struct string_part *part, uint64_t string, uint32_t from, uint32_t count,
			  uint32_t depth);

static bool cons_append(struct string_part *part, uint64_t string, uint32_t from, uint32_t count,
			uint32_t depth)
{
	uint64_t first = v8_field(part->memory, string, STRING_TEXT_AT);
	uint64_t second = v8_field(part->memory, string, STRING_SECOND_AT);
	uint32_t left = string_length(part->memory, v8_string_place(part->memory, first));
	uint32_t of_first = from < left ? left - from : 0;

	of_first = of_first < count ? of_first : count;
	if (of_first > 0 && !string_append(part, first, from, of_first, depth + 1))
		return false;
	return of_first == count ||
	       string_append(part, second, from + of_first - left, count - of_first, depth + 1);
}

/* `count` units from unit `from` on; at most as many as there are. */
static bool string_append(struct string_part *part, uint64_t string, uint32_t from, uint32_t count,
			  uint32_t depth)
{
	uint16_t type, shape;
	uint32_t length, unit;
	uint64_t first;

	if (part->full)
		return true;
	string = v8_string_place(part->memory, string);
	if (depth > STRING_DEPTH_MAX || !string_type(part->memory, string, &type))
		return false;
	length = string_length(part->memory, string);
	if (length > STRING_LENGTH_MAX || from > length)
		return false;
	count = count < length - from ? count : length - from;
	shape = type & STRING_SHAPE;
	first = v8_field(part->memory, string, STRING_TEXT_AT);
	unit = type & STRING_ONE_BYTE ? 1 : 2;
	if (shape == 0)
		return flat_append(part, string - 1 + STRING_TEXT_AT + (uint64_t)from * unit, type,
				   count);
	if (shape == v8_layout.string_thin)
		return string_append(part, first, from, count, depth + 1);
	if (shape == v8_layout.string_cons)
		return cons_append(part, string, from, count, depth);
	if (shape == v8_layout.string_sliced) {
		int64_t start = v8_smi(v8_field(part->memory, string, STRING_SECOND_AT));

		return start >= 0 && start <= STRING_LENGTH_MAX &&
		       string_append(part, first, from + (uint32_t)start, count, depth + 1);
	}
	if (shape != v8_layout.string_external || type & STRING_UNCACHED)
		return false;
	return flat_append(part,
			   v8_field(part->memory, string, STRING_SECOND_AT) + (uint64_t)from * unit,
			   type, count);
}

bool v8_string(struct remote_memory *memory, uint64_t string, char *to, size_t bytes)
{
	struct string_part part = {.memory = memory, .to = to, .bytes = bytes};

	to[0] = '\0';
	return string_append(&part, string, 0, UINT32_MAX, 0);
}

/* ---- Functions ------------------------------------------------------------------------------- */

uint64_t v8_bytecodes(struct remote_memory *memory, uint64_t data)
{
	uint16_t type = v8_type(memory, data);

	if (type && type == v8_layout.type_code && v8_layout.has_lines) { /* baseline */
		data = v8_field(memory, data, v8_layout.code_deopt);
		type = v8_type(memory, data);
	}
	if (type && type == v8_layout.type_interpreter_data) {
		data = v8_field(memory, data, 8);
		type = v8_type(memory, data);
	}
	return type == v8_layout.type_bytecodes ? data : 0;
}

static bool is_string(struct remote_memory *memory, uint64_t object)
{
	uint16_t type;

	return string_type(memory, object, &type);
}

/* The name in the source, else what the function was assigned to. */
static void scope_names(struct remote_memory *memory, const uint64_t *names, bool has_name,
			bool has_inferred, struct v8_function *function)
{
	uint64_t inferred = names[has_name ? 2 : 0];

	if (has_name && v8_is_object(names[0]) &&
	    !v8_string(memory, names[0], function->name, sizeof(function->name)))
		function->flags |= TRACE_SCRIPT_UNREADABLE;
	if (function->name[0] || function->flags || !has_inferred || !v8_is_object(inferred))
		return;
	if (is_string(memory, inferred) &&
	    !v8_string(memory, inferred, function->name, sizeof(function->name)))
		function->flags |= TRACE_SCRIPT_UNREADABLE;
	else if (function->name[0])
		function->flags |= TRACE_SCRIPT_INFERRED;
}

/* Flags are a Smi before scopes had a range at a fixed place, then a plain integer. */
static uint32_t scope_flags(uint64_t word)
{
	return word && v8_is_smi(word) ? (uint32_t)(word >> 32) : (uint32_t)word;
}

/* A ScopeInfo: flags, counts, its variables, then the function's names and its range. */
static void scope_read(struct remote_memory *memory, uint64_t scope, struct v8_function *function)
{
	uint64_t head[SCOPE_HEAD_WORDS], names[SCOPE_HEAD_WORDS] = {0}, at;
	int64_t locals;
	uint32_t flags, count;
	bool has_name;

	function->flags |= TRACE_SCRIPT_UNREADABLE; /* until it is read */
	if (!remote_read(memory, scope - 1 + SCOPE_FLAGS_AT, head, sizeof(head)))
		return;
	flags = scope_flags(head[0]);
	locals = v8_smi(head[2]);
	if (locals < 0 || locals > SCOPE_LOCALS_MAX)
		return;
	at = v8_layout.scope_first + (uint64_t)locals +
	     (locals < SCOPE_LOCALS_INLINE ? (uint64_t)locals : 1) +
	     SCOPE_HAS_CLASS_VARIABLE(flags);
	has_name = SCOPE_HAS_NAME(flags);
	count = (has_name ? 2 : 0) + SCOPE_HAS_INFERRED_NAME(flags);
	if (!remote_read(memory, scope - 1 + SCOPE_FLAGS_AT + 8 * at, names,
			 8 * (size_t)(count + (v8_layout.scope_has_range ? 0 : 2))))
		return;
	function->flags &= (uint8_t)~TRACE_SCRIPT_UNREADABLE;
	function->start = (int32_t)v8_smi(v8_layout.scope_has_range ? head[3] : names[count]);
	scope_names(memory, names, has_name, SCOPE_HAS_INFERRED_NAME(flags), function);
}

/* Before it was compiled a function has no scope: its name alone. */
static void name_read(struct remote_memory *memory, uint64_t name, struct v8_function *function)
{
	if (v8_type(memory, name) == v8_layout.type_scope)
		scope_read(memory, name, function);
	else if (!v8_is_smi(name) &&
		 !v8_string(memory, name, function->name, sizeof(function->name)))
		function->flags |= TRACE_SCRIPT_UNREADABLE; /* it is being moved */
}

static void script_read(struct remote_memory *memory, uint64_t script, struct v8_function *function)
{
	if (v8_type(memory, script) != v8_layout.type_script)
		return;
	function->script = script;
	if (!v8_string(memory, v8_field(memory, script, v8_layout.script_name), function->file,
		       sizeof(function->file)))
		function->file[0] = '\0'; /* no part of one */
}

bool v8_function_read(struct remote_memory *memory, uint64_t sfi, struct v8_function *function)
{
	*function = (struct v8_function){.sfi = sfi, .start = -1};
	if (v8_type(memory, sfi) != v8_layout.type_sfi)
		return false;
	name_read(memory, v8_field(memory, sfi, v8_layout.sfi_name), function);
	script_read(memory, v8_field(memory, sfi, v8_layout.sfi_script), function);
	if (v8_layout.sfi_data)
		function->bytecodes =
		    v8_bytecodes(memory, v8_field(memory, sfi, v8_layout.sfi_data));
	return true;
}
