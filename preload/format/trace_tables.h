/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables trace_events.def and trace_kinds.def in C, and the names of roles: what an event, a
 * kind or a role is called and how it behaves. Sets of events are constants, so that asking costs a
 * shift; the rest are tables.
 *
 * Rules: any code, kind or role may be asked for, also one of a newer writer or a damaged file.
 */
#ifndef TRACE_TABLES_H
#define TRACE_TABLES_H

#include <stdbool.h>

#include "trace_format.h"

/* What an event opens or closes on its worker. */
enum trace_effect {
	TRACE_EFFECT_NONE,
	TRACE_EFFECT_OPENS_POLL, /* TRACE_CODE_POLL + site */
	TRACE_EFFECT_CLOSES_POLL,
	TRACE_EFFECT_OPENS_WAIT,
	TRACE_EFFECT_CLOSES_WAIT,
	TRACE_EFFECT_PASSES_WAIT, /* a wait that ended as it began */
	TRACE_EFFECT_OPENS_LOOP,
	TRACE_EFFECT_CLOSES_LOOP,
	TRACE_EFFECT_CLOSES_ALL,
};

enum trace_object {
	TRACE_OBJECT_NONE,
	TRACE_OBJECT_LOOP,
	TRACE_OBJECT_HANDLE,
	TRACE_OBJECT_REQUEST,
	TRACE_OBJECT_WORK,
	TRACE_OBJECT_COUNT,
	TRACE_OBJECT_LOST,
	TRACE_OBJECT_MS,
	TRACE_OBJECT_MARK,
	TRACE_OBJECT_HIGH,
	TRACE_OBJECT_QUEUE,
};

#define TRACE_INNER_INNER    1
#define TRACE_INNER_APART    0
#define TRACE_CROSSES_OTHERS 1
#define TRACE_CROSSES_POOL   0
#define TRACE_CROSSES_OWN    0

/* ---- Sets of events: bit `code` -------------------------------------------------------------- */

#define TRACE_EVENT_CODES TRACE_CODE_POLL /* codes of events lie below */

/* May be part of a callback's item. */
static const uint64_t trace_inner_set = 0
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text)                        \
	| (uint64_t)TRACE_INNER_##inner << code
#include "trace_events.def"
#undef EVENT
    ;

/* Concern other workers, whoever recorded them. */
static const uint64_t trace_crosses_set = 0
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text)                        \
	| (uint64_t)TRACE_CROSSES_##crosses << code
#include "trace_events.def"
#undef EVENT
    ;

/* Open or close something. */
static const uint64_t trace_nesting_set = 0
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text)                        \
	| (uint64_t)(TRACE_EFFECT_##effect != TRACE_EFFECT_NONE) << code
#include "trace_events.def"
#undef EVENT
    ;

/* Tell of events that were dropped; the object is how many. */
static const uint64_t trace_lost_set = 0
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text)                        \
	| (uint64_t)(TRACE_OBJECT_##object == TRACE_OBJECT_LOST) << code
#include "trace_events.def"
#undef EVENT
    ;

/* Are a mark, a span's begin or end, or a part of one. */
static const uint64_t trace_mark_set = 0
#define EVENT(code, name, jsonl, effect, inner, crosses, object, key, text)                        \
	| (uint64_t)(TRACE_OBJECT_##object == TRACE_OBJECT_MARK ||                                 \
		     TRACE_OBJECT_##object == TRACE_OBJECT_HIGH)                                   \
		<< code
#include "trace_events.def"
#undef EVENT
    ;

static inline bool trace_set_has(uint64_t set, uint32_t code)
{
	return code < TRACE_EVENT_CODES && set >> code & 1;
}

/* May an event with this code, at the start of a callback, be part of the callback's item? */
static inline bool trace_code_is_inner(uint32_t code)
{
	return trace_code_is_submit(code) || trace_set_has(trace_inner_set, code);
}

/* Does it open or close something? */
static inline bool trace_code_nests(uint32_t code)
{
	return trace_code_is_poll(code) || trace_set_has(trace_nesting_set, code);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

struct trace_event_row {
	const char *name;  /* NULL: no event has this code */
	const char *jsonl; /* its name in JSON lines */
	const char *key;
	uint8_t effect, object;
	bool inner, crosses;
};

extern const struct trace_event_row trace_events[TRACE_EVENT_CODES];

static inline enum trace_effect trace_code_effect(uint32_t code)
{
	if (code < TRACE_EVENT_CODES)
		return (enum trace_effect)trace_events[code].effect;
	return trace_code_is_poll(code) ? TRACE_EFFECT_OPENS_POLL : TRACE_EFFECT_NONE;
}

/* Does the object field hold the address of a handle or a request? */
bool trace_code_names_object(uint32_t code);

/* The name of an event word in JSON lines; "PollStart", "RequestSubmit", "Unknown" for words
 * without a row. */
const char *trace_event_name(uint64_t word);

struct trace_kind_row {
	const char *name; /* NULL: KIND_NONE */
	uint8_t class;	  /* enum trace_kind_class */
};

extern const struct trace_kind_row trace_kinds[KIND_COUNT];

/* "trace_ctl", "program", "trigger", "died"; "unknown" for any other number. */
const char *trace_dump_cause_name(uint32_t cause);

/* "full", "libc", "full (patched)"; "full" for any other number. */
const char *trace_tier_name(uint32_t tier);

/* "tcp", "pipe", "tty"; NULL for any other number. */
const char *trace_stream_name(uint32_t stream);

/* "loop", "pool", "other"; NULL for any other number. */
const char *trace_role_name(uint32_t role);

#endif
