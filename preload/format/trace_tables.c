/* SPDX-License-Identifier: Apache-2.0
 *
 * See trace_tables.h.
 */
#include "trace_tables.h"

const struct trace_event_row trace_events[TRACE_EVENT_CODES] = {
#define EVENT(code, enumerator, json, changes, may, reach, type, json_key, about)                  \
	[code] = {.name = #enumerator,                                                             \
		  .jsonl = json,                                                                   \
		  .key = json_key,                                                                 \
		  .effect = TRACE_EFFECT_##changes,                                                \
		  .object = TRACE_OBJECT_##type,                                                   \
		  .inner = TRACE_INNER_##may,                                                      \
		  .crosses = TRACE_CROSSES_##reach},
#include "trace_events.def"
#undef EVENT
};

const struct trace_kind_row trace_kinds[KIND_COUNT] = {
#define KIND(enumerator, text, kind_class)                                                         \
	[KIND_##enumerator] = {.name = text, .class = KIND_CLASS_##kind_class},
#include "trace_kinds.def"
#undef KIND
};

bool trace_code_names_object(uint32_t code)
{
	if (code >= TRACE_EVENT_CODES)
		return trace_code_is_poll(code) || trace_code_is_submit(code) ||
		       trace_code_is_handle(code);
	return trace_events[code].object == TRACE_OBJECT_HANDLE ||
	       trace_events[code].object == TRACE_OBJECT_REQUEST;
}

const char *trace_event_name(uint64_t word)
{
	uint32_t code = trace_word_code(word);

	if (code < TRACE_EVENT_CODES)
		return trace_events[code].name ? trace_events[code].jsonl : "Unknown";
	return trace_code_is_poll(code)	    ? "PollStart"
	       : trace_code_is_submit(code) ? "RequestSubmit"
	       : trace_code_is_handle(code) ? "HandleStart"
					    : "Unknown";
}

const char *trace_tier_name(uint32_t tier)
{
	static const char *const names[] = {[TRACE_TIER_FULL] = "full",
					    [TRACE_TIER_LIBC] = "libc",
					    [TRACE_TIER_PATCHED] = "full (patched)"};

	return tier < sizeof(names) / sizeof(names[0]) && names[tier] ? names[tier]
								      : names[TRACE_TIER_FULL];
}

const char *trace_dump_cause_name(uint32_t cause)
{
	static const char *const names[] = {[0] = "unknown",
					    [TRACE_DUMP_ASKED] = "trace_ctl",
					    [TRACE_DUMP_PROGRAM] = "program",
					    [TRACE_DUMP_TRIGGER] = "trigger",
					    [TRACE_DUMP_DIED] = "died"};

	return names[cause < sizeof(names) / sizeof(names[0]) ? cause : 0];
}

const char *trace_stream_name(uint32_t stream)
{
	static const char *const names[] = {
	    [TRACE_STREAM_TCP] = "tcp", [TRACE_STREAM_PIPE] = "pipe", [TRACE_STREAM_TTY] = "tty"};

	return stream < sizeof(names) / sizeof(names[0]) ? names[stream] : NULL;
}

const char *trace_role_name(uint32_t role)
{
	static const char *const names[] = {
	    [TRACE_ROLE_LOOP] = "loop", [TRACE_ROLE_POOL] = "pool", [TRACE_ROLE_OTHER] = "other"};

	return role < sizeof(names) / sizeof(names[0]) ? names[role] : NULL;
}
