/* SPDX-License-Identifier: Apache-2.0
 *
 * Where things lie in this build of V8 (v8_internal.h).
 *
 * V8 exports most of it for debuggers, as integers named v8dbg_... (its tools/gen-postmortem-
 * metadata.py). They are found by name in the dynamic symbol table, so stripped files have them
 * too. What it does not export stands in v8_layout.def, by major and minor version. Of a version
 * that is not listed functions are named, without lines and without those that were inlined.
 *
 * The script tests/names/v8_constants.py tries the rows with an installed node: that is how a
 * version is added.
 */
#include "v8_internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct v8_layout v8_layout;

/* The fields of a row of v8_layout.def, in its order. */
enum version_field {
#define V8_FIELD(field) FIELD_##field,
#include "v8_layout.def"
	FIELD_COUNT
};

static const uint16_t versions[][FIELD_COUNT] = {
#define V8_VERSION(...) {__VA_ARGS__},
#include "v8_layout.def"
};

/* What is exported, by all names that it had. */
static const struct {
	uint16_t at; /* of the field in the layout */
	bool needed; /* without it there are no names */
	const char *names[3];
} exported[] = {
#define EXPORTED(field, needed, ...)                                                               \
	{                                                                                          \
		offsetof(struct v8_layout, field), needed,                                         \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
    EXPORTED(tagged_bytes, true, "TaggedSize"),
    EXPORTED(map_type, true, "class_Map__instance_type__uint16_t"),
    EXPORTED(first_function, true, "FirstJSFunctionType", "type_JSFunction__JS_FUNCTION_TYPE"),
    EXPORTED(last_function, false, "LastJSFunctionType"),
    EXPORTED(type_sfi, true, "type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE"),
    EXPORTED(type_script, true, "type_Script__SCRIPT_TYPE"),
    EXPORTED(type_scope, true, "type_ScopeInfo__SCOPE_INFO_TYPE"),
    EXPORTED(type_code, true, "type_Code__CODE_TYPE"),
    EXPORTED(type_bytecodes, true, "type_BytecodeArray__BYTECODE_ARRAY_TYPE"),
    EXPORTED(type_bytes, false, "type_ByteArray__BYTE_ARRAY_TYPE"),
    EXPORTED(type_trusted_bytes, false, "type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE"),
    EXPORTED(type_stream, false, "type_InstructionStream__INSTRUCTION_STREAM_TYPE"),
    EXPORTED(type_interpreter_data, false, "type_InterpreterData__INTERPRETER_DATA_TYPE"),
    EXPORTED(type_wrapper, false,
	     "type_SharedFunctionInfoWrapper__SHARED_FUNCTION_INFO_WRAPPER_TYPE"),
    EXPORTED(type_fixed_array, false, "type_FixedArray__FIXED_ARRAY_TYPE"),
    EXPORTED(function_sfi, true, "class_JSFunction__shared__SharedFunctionInfo"),
    EXPORTED(sfi_name, true, "class_SharedFunctionInfo__name_or_scope_info__Object",
	     "class_SharedFunctionInfo__name_or_scope_info__Tagged_Object_",
	     "class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_"),
    EXPORTED(sfi_script, true, "class_SharedFunctionInfo__script__Tagged_HeapObject_",
	     "class_SharedFunctionInfo__script_or_debug_info__HeapObject"),
    EXPORTED(sfi_data, false, "class_SharedFunctionInfo__function_data__Object"),
    EXPORTED(bytecodes_data, true, "class_BytecodeArray__data__uintptr_t"),
    EXPORTED(code_deopt, false, "class_Code__deoptimization_data__FixedArray"),
    EXPORTED(code_positions, false, "class_Code__source_position_table__ByteArray"),
    EXPORTED(code_start, false, "class_Code__instruction_start__Address",
	     "class_Code__instruction_start__uintptr_t"),
    EXPORTED(code_size, false, "class_Code__instruction_size__int"),
    EXPORTED(code_flags, false, "class_Code__flags__uint32_t"),
    EXPORTED(stream_header, false, "class_InstructionStream__instruction_start__uintptr_t"),
    EXPORTED(kind_baseline, false, "CodeKindBaseline"),
    EXPORTED(deopt_inlined_count, false, "DeoptimizationDataInlinedFunctionCountIndex"),
    EXPORTED(deopt_literals, false, "DeoptimizationDataLiteralArrayIndex"),
    EXPORTED(deopt_sfi, false, "DeoptimizationDataSharedFunctionInfoIndex",
	     "DeoptimizationDataWrappedSharedFunctionInfoIndex"),
    EXPORTED(deopt_positions, false, "DeoptimizationDataInliningPositionsIndex"),
    EXPORTED(scope_first, true, "scopeinfo_idx_first_vars"),
    EXPORTED(script_name, true, "class_Script__name__Object"),
    EXPORTED(script_source, false, "class_Script__source__Object"),
    EXPORTED(script_line_ends, false, "class_Script__line_ends__Object"),
    EXPORTED(type_regexp, false, "type_JSRegExp__JS_REG_EXP_TYPE"),
    EXPORTED(regexp_source, false, "class_JSRegExp__source__Object"),
    EXPORTED(string_cons, true, "ConsStringTag"),
    EXPORTED(string_external, true, "ExternalStringTag"),
    EXPORTED(string_sliced, false, "SlicedStringTag"),
    EXPORTED(string_thin, false, "ThinStringTag"),
};

/* Frames that are no function's, by the names of their markers (frametype_...). */
static const struct {
	const char *name;
	uint8_t marker; /* enum v8_marker */
} markers[] = {
    {"EntryFrame", V8_MARKER_ENTRY},
    {"ConstructEntryFrame", V8_MARKER_ENTRY},
    {"ExitFrame", V8_MARKER_EXIT},
    {"BuiltinExitFrame", V8_MARKER_EXIT},
    {"ApiCallbackExitFrame", V8_MARKER_EXIT},
    {"ApiAccessorExitFrame", V8_MARKER_EXIT},
    {"ApiNamedAccessorExitFrame", V8_MARKER_EXIT},
    {"ApiIndexedAccessorExitFrame", V8_MARKER_EXIT},
    {"ApiConstructExitFrame", V8_MARKER_EXIT},
    {"IrregexpFrame", V8_MARKER_REGEXP},
    {"WasmExitFrame", V8_MARKER_EXIT},
    {"WasmFrame", V8_MARKER_OTHER},
    {"WasmCompileLazyFrame", V8_MARKER_OTHER},
    {"WasmDebugBreakFrame", V8_MARKER_OTHER},
    {"WasmLiftoffSetupFrame", V8_MARKER_OTHER},
    {"WasmSegmentStartFrame", V8_MARKER_OTHER},
    {"WasmToJsFunctionFrame", V8_MARKER_OTHER},
    {"WasmToJsFrame", V8_MARKER_OTHER},
    {"JsToWasmFrame", V8_MARKER_OTHER},
    {"InterpretedFrame", V8_MARKER_OTHER},
    {"BaselineFrame", V8_MARKER_OTHER},
    {"MaglevFrame", V8_MARKER_OTHER},
    {"TurbofanFrame", V8_MARKER_OTHER},
    {"TurbofanJSFrame", V8_MARKER_OTHER},
    {"OptimizedFrame", V8_MARKER_OTHER},
    {"StubFrame", V8_MARKER_OTHER},
    {"TurbofanStubWithContextFrame", V8_MARKER_OTHER},
    {"BuiltinContinuationFrame", V8_MARKER_OTHER},
    {"JavaScriptBuiltinContinuationFrame", V8_MARKER_OTHER},
    {"JavaScriptBuiltinContinuationWithCatchFrame", V8_MARKER_OTHER},
    {"InternalFrame", V8_MARKER_OTHER},
    {"ConstructFrame", V8_MARKER_OTHER},
    {"FastConstructFrame", V8_MARKER_OTHER},
    {"BuiltinFrame", V8_MARKER_OTHER},
    {"NativeFrame", V8_MARKER_OTHER},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool integer_read(const struct elf_names *names, const char *symbol, int32_t *value)
{
	struct elf_name found;

	return elf_names_find(names, symbol, &found) &&
	       elf_names_read(names, found.address, value, sizeof(*value));
}

/* An exported constant that may be an offset, a type or a tag; false: there is none. */
static bool constant_read(const struct elf_names *names, const char *name, uint16_t *value)
{
	char symbol[128];
	int32_t read;

	snprintf(symbol, sizeof(symbol), "v8dbg_%s", name);
	if (!integer_read(names, symbol, &read) || read < 0 || read > UINT16_MAX)
		return false;
	*value = (uint16_t)read;
	return true;
}

/* False: one that is needed is missing. */
static bool exported_read(const struct elf_names *names, struct v8_layout *layout)
{
	bool complete = true;

	for (size_t i = 0; i < COUNT(exported); i++) {
		uint16_t *field = (uint16_t *)(void *)((char *)layout + exported[i].at);
		bool found = false;

		for (size_t k = 0; !found && k < COUNT(exported[i].names) && exported[i].names[k];
		     k++)
			found = constant_read(names, exported[i].names[k], field);
		complete &= found || !exported[i].needed;
	}
	return complete;
}

static void markers_read(const struct elf_names *names, struct v8_layout *layout)
{
	for (size_t i = 0; i < COUNT(markers); i++) {
		char name[64];
		uint16_t number;

		snprintf(name, sizeof(name), "frametype_%s", markers[i].name);
		if (constant_read(names, name, &number) && number < V8_MARKERS)
			layout->markers[number] = markers[i].marker;
	}
}

/* JSFunction and its kinds: classes, array's constructor and others, 17 in all. Versions that do
 * not export the last one have this many too. */
#define FUNCTION_TYPES 17

static int version_part(const struct elf_names *names, const char *part)
{
	char symbol[64];
	int32_t value;

	snprintf(symbol, sizeof(symbol), "_ZN2v88internal7Version6%s_E", part);
	return integer_read(names, symbol, &value) ? value : -1;
}

/* False: the version is not listed. */
static bool version_take(int version, struct v8_layout *layout)
{
	for (size_t i = 0; i < COUNT(versions); i++) {
		const uint16_t *row = versions[i];

		if (row[FIELD_version] != version)
			continue;
#define V8_FIELD(field) layout->field = (typeof(layout->field))row[FIELD_##field];
#include "v8_layout.def"
		return true;
	}
	return false;
}

bool v8_layout_read(const struct elf_names *names, char note[RUNTIME_NOTE_BYTES])
{
	int major = version_part(names, "major"), minor = version_part(names, "minor");

	v8_layout = (struct v8_layout){.position_shift = 1};
	v8_layout.has_lines = version_take(major * 100 + minor, &v8_layout);
	if (!exported_read(names, &v8_layout)) {
		snprintf(note, RUNTIME_NOTE_BYTES,
			 "JavaScript functions have no names: V8 %d.%d does not tell its layout",
			 major, minor);
		return false;
	}
	if (v8_layout.tagged_bytes != 8) {
		snprintf(note, RUNTIME_NOTE_BYTES,
			 "JavaScript functions have no names: V8 %d.%d has compressed pointers",
			 major, minor);
		return false;
	}
	if (!v8_layout.last_function)
		v8_layout.last_function = (uint16_t)(v8_layout.first_function + FUNCTION_TYPES - 1);
	markers_read(names, &v8_layout);
	if (!v8_layout.has_lines)
		snprintf(note, RUNTIME_NOTE_BYTES,
			 "JavaScript functions have no lines, and inlined ones are missing: "
			 "V8 %d.%d is not known to this uvtrace",
			 major, minor);
	return true;
}
