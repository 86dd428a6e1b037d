/* SPDX-License-Identifier: Apache-2.0
 *
 * Code that V8 compiled at run time, and the tables that lead from a place in it to a position in
 * the source (v8_internal.h).
 *
 * Rules: a table is believed only if it can be read to its end within the code that it is of.
 */
#include "v8_internal.h"

#include <string.h>

#define CODE_ALIGN_BYTES  64
#define CODE_STEPS_MAX	  4096 /* 256 KiB back from an address */
#define SEARCH_SHARE	  4
#define SEARCH_FAILED_MAX 8
#define CODE_KIND_MASK	  15u
#define TABLE_BYTES_MAX	  (1u << 20)
#define INLINING_BYTES	  16 /* position, then the function's index */
#define DEOPT_WORDS	  10
#define ARRAY_LENGTH_AT	  8
#define ARRAY_DATA_AT	  16
#define BYTECODES_MAX	  256 /* kinds of bytecodes */
#define SCALES		  3

/* ---- Tables of bytes ------------------------------------------------------------------------- */

/* A ByteArray that is read through. */
struct table {
	struct remote_memory *memory;
	uint64_t address;
	uint32_t left;
	uint32_t at, count; /* in the chunk */
	uint8_t chunk[256];
};

static bool array_open(struct remote_memory *memory, uint64_t object, uint32_t data_at,
		       struct table *table)
{
	int64_t length = v8_smi(v8_field(memory, object, ARRAY_LENGTH_AT));

	*table = (struct table){.memory = memory, .address = object - 1 + data_at};
	if (length < 0 || length > TABLE_BYTES_MAX)
		return false;
	table->left = (uint32_t)length;
	return true;
}

static bool table_open(struct remote_memory *memory, uint64_t object, struct table *table)
{
	uint16_t type = v8_type(memory, object);

	return type && (type == v8_layout.type_bytes || type == v8_layout.type_trusted_bytes) &&
	       array_open(memory, object, ARRAY_DATA_AT, table);
}

static bool table_byte(struct table *table, uint8_t *byte)
{
	if (table->at == table->count) {
		table->count = table->left < sizeof(table->chunk) ? table->left
								  : (uint32_t)sizeof(table->chunk);
		table->at = 0;
		if (table->count == 0 ||
		    !remote_read(table->memory, table->address, table->chunk, table->count)) {
			table->count = table->left = 0;
			return false;
		}
		table->address += table->count;
		table->left -= table->count;
	}
	*byte = table->chunk[table->at++];
	return true;
}

static bool table_has_more(const struct table *table)
{
	return table->at < table->count || table->left > 0;
}

/* Seven bits a byte, the lowest first. */
static bool table_number(struct table *table, uint64_t *value)
{
	uint8_t byte;

	*value = 0;
	for (uint32_t shift = 0; shift < 63; shift += 7) {
		if (!table_byte(table, &byte))
			return false;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

static bool table_signed(struct table *table, int64_t *value)
{
	uint64_t coded;

	if (!table_number(table, &coded))
		return false;
	*value = (int64_t)(coded >> 1) ^ -(int64_t)(coded & 1);
	return true;
}

/* ---- Positions ------------------------------------------------------------------------------- */

static int32_t position_in_source(uint64_t position)
{
	return position & 1 ? -1 : (int32_t)(position >> 1 & ((1u << 30) - 1)) - 1;
}

/* Which inlined function the position is in; -1: none. */
static int32_t position_inlined(uint64_t position)
{
	return (int32_t)(position >> 31 & 0xffff) - 1;
}

/* The position of the last entry that is not behind `offset`. The table is read to its end: a step
 * beyond the code's end shows that it is coded in another way than this. */
static bool position_find(struct table *table, int64_t offset, int64_t code_bytes,
			  uint64_t *position)
{
	int64_t at = -1, source = 0, step;
	uint64_t coded;
	bool found = false;

	while (table_has_more(table)) {
		if (!table_number(table, &coded) || !table_signed(table, &step))
			return false;
		at += (int64_t)(coded >> v8_layout.position_shift);
		if (at >= code_bytes)
			return false;
		if (at > offset)
			continue;
		source = (int64_t)((uint64_t)source + (uint64_t)step);
		*position = (uint64_t)source;
		found = true;
	}
	return found;
}

int32_t v8_position_of_bytecode(struct remote_memory *memory, uint64_t bytecodes, int64_t offset)
{
	struct table table;
	uint64_t position;
	int64_t length = v8_smi(v8_field(memory, bytecodes, ARRAY_LENGTH_AT));

	if (!v8_layout.has_lines || length <= 0 ||
	    !table_open(memory, v8_field(memory, bytecodes, v8_layout.bytecodes_positions),
			&table) ||
	    !position_find(&table, offset, length, &position))
		return -1;
	return position_in_source(position);
}

/* ---- Code ------------------------------------------------------------------------------------ */

static bool code_read(struct remote_memory *memory, uint64_t object, uint64_t pc,
		      struct v8_code *code)
{
	uint64_t start_at = object - 1 + v8_layout.code_start;

	if (v8_type(memory, object) != v8_layout.type_code)
		return false;
	code->object = object;
	code->size = remote_u32(memory, object - 1 + v8_layout.code_size);
	code->kind = remote_u32(memory, object - 1 + v8_layout.code_flags) & CODE_KIND_MASK;
	code->start = v8_layout.stream_header ? remote_u64(memory, start_at) : start_at;
	return pc >= code->start && pc - code->start < code->size;
}

/* The header before instructions: an InstructionStream whose second word is the Code; where there
 * are none, the Code itself. */
static bool header_read(struct remote_memory *memory, uint64_t start, uint64_t pc,
			struct v8_code *code)
{
	uint32_t header = v8_layout.stream_header ? v8_layout.stream_header : v8_layout.code_start;
	uint64_t object = start - header + 1;

	if (!v8_layout.stream_header)
		return code_read(memory, object, pc, code) && code->start == start;
	return v8_type(memory, object) == v8_layout.type_stream &&
	       code_read(memory, v8_field(memory, object, 8), pc, code) && code->start == start;
}

/* An object, or where one was moved to: as few instructions look. */
static bool may_be_map(uint64_t word)
{
	return (v8_is_object(word) || word % 8 == 0) && word >= REMOTE_PAGE_BYTES &&
	       word < 1ull << 47;
}

/* Its first two fields are objects: most other words are told apart without reading where they
 * would lead to. */
static bool is_header(struct remote_memory *memory, uint64_t start)
{
	uint32_t header = v8_layout.stream_header ? v8_layout.stream_header : v8_layout.code_start;
	uint16_t type;
	uint64_t words[2];

	if (!remote_read(memory, start - header, words, sizeof(words)) || !may_be_map(words[0]) ||
	    !v8_is_object(words[1]))
		return false;
	type = v8_type(memory, start - header + 1);
	return type &&
	       type == (v8_layout.stream_header ? v8_layout.type_stream : v8_layout.type_code);
}

/* Instructions begin at multiples of 64: the first header below is the code's, or it is none. A
 * search may take a part of the reads that are left, as others come after it. */
bool v8_code_find(struct remote_memory *memory, uint64_t pc, struct v8_code *code)
{
	uint64_t start = pc & ~(uint64_t)(CODE_ALIGN_BYTES - 1);
	uint32_t failed = memory->reads_failed + SEARCH_FAILED_MAX;
	uint32_t most = memory->reads + (REMOTE_READS_MAX - memory->reads) / SEARCH_SHARE;

	if (!v8_layout.has_lines)
		return false;
	for (uint32_t i = 0; i < CODE_STEPS_MAX && start > REMOTE_PAGE_BYTES; i++) {
		if (is_header(memory, start))
			return header_read(memory, start, pc, code);
		if (memory->reads >= most || memory->reads_failed > failed)
			return false;
		start -= CODE_ALIGN_BYTES;
	}
	return false;
}

/* The SFI in the data for deoptimisation of optimised code; 0: it cannot be read. */
static uint64_t deopt_sfi(struct remote_memory *memory, const uint64_t *deopt)
{
	uint64_t sfi = deopt[v8_layout.deopt_sfi];

	if (!v8_layout.deopt_sfi_wrapped)
		return sfi;
	return v8_type(memory, sfi) == v8_layout.type_wrapper ? v8_field(memory, sfi, 8) : 0;
}

static bool deopt_read(struct remote_memory *memory, const struct v8_code *code, uint64_t *deopt)
{
	uint64_t object = v8_field(memory, code->object, v8_layout.code_deopt);

	return v8_type(memory, object) != 0 &&
	       remote_read(memory, object - 1 + ARRAY_DATA_AT, deopt, DEOPT_WORDS * sizeof(*deopt));
}

bool v8_code_is_of(struct remote_memory *memory, const struct v8_code *code,
		   const struct v8_function *function)
{
	uint64_t deopt[DEOPT_WORDS];

	if (code->kind == v8_layout.kind_baseline)
		return function->bytecodes &&
		       v8_bytecodes(memory, v8_field(memory, code->object, v8_layout.code_deopt)) ==
			   function->bytecodes;
	return code->kind > v8_layout.kind_baseline && deopt_read(memory, code, deopt) &&
	       deopt_sfi(memory, deopt) == function->sfi;
}

/* ---- Baseline code --------------------------------------------------------------------------- */

static struct {
	uint32_t count; /* 0: not known */
	uint8_t bytes[SCALES * BYTECODES_MAX];
} sizes;

void v8_bytecode_sizes_read(const struct elf_names *names)
{
	static const char symbol[] = "_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE";
	static const char *const wanted[] = {symbol};
	struct elf_name found = {0};

	sizes.count = 0;
	if (!elf_names_find(names, symbol, &found))
		elf_names_find_static(names, wanted, &found, 1);
	if (found.address && found.bytes <= sizeof(sizes.bytes) && found.bytes % SCALES == 0 &&
	    elf_names_read(names, found.address, sizes.bytes, found.bytes))
		sizes.count = (uint32_t)found.bytes / SCALES;
}

/* Bytes that a bytecode takes with its operands; 0: it is none. The first four are prefixes, by
 * turns for operands of two and of four times the size. */
static uint32_t bytecode_bytes(struct remote_memory *memory, uint64_t address)
{
	uint8_t code[2];
	uint32_t prefix = 0, scale = 0;

	if (!remote_read(memory, address, code, sizeof(code)))
		return 0;
	if (code[0] <= 3) {
		scale = 1 + (code[0] & 1u);
		prefix = 1;
	}
	if (code[prefix] >= sizes.count)
		return 0;
	return prefix + sizes.bytes[scale * sizes.count + code[prefix]];
}

/* Baseline code has a table with a number for what comes before the first bytecode, then one for
 * each bytecode: how many bytes of code it became. */
int32_t v8_position_of_baseline(struct remote_memory *memory, const struct v8_code *code,
				uint64_t bytecodes, uint64_t offset)
{
	int64_t length = v8_smi(v8_field(memory, bytecodes, ARRAY_LENGTH_AT)), at = 0;
	uint64_t code_at, step, data = bytecodes - 1 + v8_layout.bytecodes_data;
	struct table table;

	if (!sizes.count ||
	    !table_open(memory, v8_field(memory, code->object, v8_layout.code_positions), &table) ||
	    !table_number(&table, &code_at))
		return -1;
	while (code_at <= offset && at < length && table_number(&table, &step)) {
		uint32_t bytes;

		code_at += step;
		if (code_at > offset)
			return v8_position_of_bytecode(memory, bytecodes, at);
		bytes = bytecode_bytes(memory, data + (uint64_t)at);
		if (!bytes)
			return -1;
		at += bytes;
	}
	return code_at > offset ? v8_position_of_bytecode(memory, bytecodes, 0) : -1;
}

/* ---- Optimised code -------------------------------------------------------------------------- */

static uint8_t kind_of(const struct v8_code *code)
{
	return code->kind == v8_layout.kind_baseline + 1u ? TRACE_SCRIPT_MAGLEV
							  : TRACE_SCRIPT_TURBOFAN;
}

static bool optimised_add(struct v8_walk *walk, const struct v8_code *code, uint64_t frame,
			  uint64_t sfi, int32_t position)
{
	struct v8_function function;
	struct script_frame *added;

	if (!v8_function_read(walk->memory, sfi, &function))
		return false;
	added = v8_frame_add(walk, frame, kind_of(code), &function);
	if (!added)
		return false;
	added->position = position;
	if (added->kind == TRACE_SCRIPT_MAGLEV)
		added->flags |= TRACE_SCRIPT_LINE_ABOUT;
	return true;
}

/* The function that an entry of the table of inlined functions is about; 0: not known. */
static uint64_t inlined_sfi(struct remote_memory *memory, const uint64_t *deopt, int32_t index,
			    uint64_t sfi)
{
	int64_t count = v8_smi(deopt[v8_layout.deopt_inlined_count]);

	if (index < 0)
		return sfi;
	return index < count ? v8_field(memory, deopt[v8_layout.deopt_literals],
					ARRAY_DATA_AT + 8 * (uint32_t)index)
			     : 0;
}

/* Adds the inlined functions from the position outwards; then *position is where the code's own
 * function was. */
static bool inlined_add(struct v8_walk *walk, const struct v8_code *code, const uint64_t *deopt,
			uint64_t frame, uint64_t *position)
{
	uint64_t table = deopt[v8_layout.deopt_positions];
	uint64_t sfi = deopt_sfi(walk->memory, deopt);
	int64_t bytes = v8_smi(v8_field(walk->memory, table, ARRAY_LENGTH_AT));
	uint16_t type = v8_type(walk->memory, table);

	if (type != v8_layout.type_bytes && type != v8_layout.type_trusted_bytes)
		return false;
	for (int32_t id = position_inlined(*position), next; id >= 0; id = next) {
		uint64_t entry[INLINING_BYTES / sizeof(uint64_t)];

		if ((int64_t)(id + 1) * INLINING_BYTES > bytes ||
		    !remote_read(walk->memory,
				 table - 1 + ARRAY_DATA_AT + (uint64_t)id * INLINING_BYTES, entry,
				 sizeof(entry)) ||
		    !optimised_add(walk, code, frame,
				   inlined_sfi(walk->memory, deopt, (int32_t)entry[1], sfi),
				   position_in_source(*position)))
			return false;
		walk->stack->frames[walk->stack->count - 1].flags |= TRACE_SCRIPT_INLINED;
		*position = entry[0];
		next = position_inlined(*position);
		if (next >= id)
			return false;
	}
	return true;
}

/* Where it is not known which of the inlined functions it is in,
 * one that cannot be read is told. */
static void inlined_unknown_add(struct v8_walk *walk, const struct v8_code *code,
				const uint64_t *deopt, uint64_t frame)
{
	struct script_frame *added = NULL;

	if (deopt[v8_layout.deopt_inlined_count] != 0)
		added = v8_frame_add(walk, frame, kind_of(code), NULL);
	if (added)
		added->flags = TRACE_SCRIPT_UNREADABLE | TRACE_SCRIPT_INLINED;
}

bool v8_optimised_add(struct v8_walk *walk, const struct v8_code *code, uint64_t offset,
		      uint64_t frame, uint64_t sfi)
{
	uint64_t deopt[DEOPT_WORDS], position = 1; /* in no source */
	uint32_t before = walk->stack->count;
	struct table table;
	bool known;

	if (!deopt_read(walk->memory, code, deopt) || deopt_sfi(walk->memory, deopt) != sfi)
		return false;
	known =
	    table_open(walk->memory, v8_field(walk->memory, code->object, v8_layout.code_positions),
		       &table) &&
	    position_find(&table, (int64_t)offset, code->size, &position);
	if (!known)
		inlined_unknown_add(walk, code, deopt, frame);
	if ((!known || position_inlined(position) < 0 ||
	     inlined_add(walk, code, deopt, frame, &position)) &&
	    optimised_add(walk, code, frame, sfi, known ? position_in_source(position) : -1))
		return true;
	walk->stack->count = before;
	return false;
}
