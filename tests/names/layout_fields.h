/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of V8's layout by name, so that the test tool can print them and try others. Only
 * here: the product has no way to be told another layout.
 */
#ifndef LAYOUT_FIELDS_H
#define LAYOUT_FIELDS_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtimes/v8_internal.h"

#define OVERRIDES_MAX 64

#define FIELD(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct v8_layout, name), sizeof(((struct v8_layout *)0)->name)     \
	}
static const struct {
	const char *name;
	size_t at, bytes;
} layout_fields[] = {
    FIELD(version),	   FIELD(has_lines),	       FIELD(map_type),
    FIELD(first_function), FIELD(last_function),       FIELD(function_sfi),
    FIELD(sfi_name),	   FIELD(sfi_script),	       FIELD(sfi_data),
    FIELD(bytecodes_data), FIELD(bytecodes_positions), FIELD(code_deopt),
    FIELD(code_positions), FIELD(code_start),	       FIELD(code_size),
    FIELD(code_flags),	   FIELD(stream_header),       FIELD(kind_regexp),
    FIELD(kind_baseline),  FIELD(deopt_inlined_count), FIELD(deopt_literals),
    FIELD(deopt_sfi),	   FIELD(deopt_positions),     FIELD(deopt_sfi_wrapped),
    FIELD(scope_first),	   FIELD(scope_has_range),     FIELD(script_name),
    FIELD(script_source),  FIELD(script_line_ends),    FIELD(tagged_bytes),
    FIELD(c_entry_fp),	   FIELD(handler_after),       FIELD(position_shift),
};
#define LAYOUT_FIELDS (sizeof(layout_fields) / sizeof(layout_fields[0]))

static struct {
	size_t field;
	uint16_t value;
} overrides[OVERRIDES_MAX];
static size_t override_count;
static bool layout_is_wanted;

/* "NAME=N"; false: there is no such field. */
static bool layout_set(const char *text)
{
	const char *equals = strchr(text, '=');

	for (size_t i = 0; equals && i < LAYOUT_FIELDS && override_count < OVERRIDES_MAX; i++) {
		if (strlen(layout_fields[i].name) != (size_t)(equals - text) ||
		    memcmp(layout_fields[i].name, text, (size_t)(equals - text)) != 0)
			continue;
		overrides[override_count].field = i;
		overrides[override_count++].value = (uint16_t)atoi(equals + 1);
		return true;
	}
	return false;
}

static void layout_override(void)
{
	for (size_t i = 0; i < override_count; i++)
		memcpy((char *)&v8_layout + layout_fields[overrides[i].field].at,
		       &overrides[i].value, layout_fields[overrides[i].field].bytes);
}

static void layout_print(void)
{
	for (size_t i = 0; i < LAYOUT_FIELDS; i++) {
		uint16_t value = 0;

		memcpy(&value, (char *)&v8_layout + layout_fields[i].at, layout_fields[i].bytes);
		printf("%s%s\":%u", i ? ",\"" : "{\"", layout_fields[i].name, value);
	}
	printf("}\n");
}

#endif
