/* SPDX-License-Identifier: Apache-2.0
 *
 * Stall samples of blocking callbacks, with stacks.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report_json.h"
#include "report/stall_text.h"
#include "trace/syscalls.h"

/* How a function ran; null: it is native. */
static json_t *frame_kind_json(const struct stack_frame *frame)
{
	static const char *const kinds[] = {
	    [TRACE_SCRIPT_FUNCTION] = "javascript", [TRACE_SCRIPT_INTERPRETED] = "interpreted",
	    [TRACE_SCRIPT_BASELINE] = "baseline",   [TRACE_SCRIPT_MAGLEV] = "maglev",
	    [TRACE_SCRIPT_TURBOFAN] = "turbofan",   [TRACE_SCRIPT_BUILTIN] = "builtin",
	    [TRACE_SCRIPT_REGEXP] = "regexp",	    [TRACE_SCRIPT_PYTHON] = "python",
	};
	const char *kind =
	    frame->script && frame->script->kind < COUNT(kinds) ? kinds[frame->script->kind] : NULL;

	return frame->script ? json_text(kind ? kind : "unknown") : json_null();
}

static bool line_is_about(const struct stack_frame *frame)
{
	return frame->script && frame->script->flags & TRACE_SCRIPT_LINE_ABOUT;
}

static json_t *frame_json(const struct stack_frame *frame)
{
	const struct symbol_info *symbol = frame->symbol;
	const struct json_pair pairs[] = {
	    {"function", json_text(symbol->name)},
	    {"file", *symbol->file ? json_text(symbol->file) : json_null()},
	    {"line", *symbol->file ? json_integer(symbol->line) : json_null()},
	    {"module", json_text(symbol->module)},
	    {"scanned", json_boolean(frame->scanned)},
	    {"script", frame_kind_json(frame)},
	    {"line_about", json_boolean(line_is_about(frame))},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}

static json_t *frames_json(const struct stall *stall)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < stall->frame_count; i++)
		json_array_append_new(list, frame_json(&stall->frames[i]));
	return list;
}

/* An address as others print it: numbers of JSON are not exact to 64 bits everywhere. */
static json_t *arguments_json(const struct trace_stall *stall_sample)
{
	json_t *list = stall_sample->syscall >= 0 ? json_array() : json_null();

	for (size_t i = 0; list && stall_sample->syscall >= 0 && i < COUNT(stall_sample->arguments);
	     i++) {
		char text[24];

		snprintf(text, sizeof(text), "0x%" PRIx64, stall_sample->arguments[i]);
		json_array_append_new(list, json_text(text));
	}
	return list;
}

static json_t *measured_json(const struct stall *stall, uint64_t ns)
{
	return stall->measured ? json_number(ns) : json_null();
}

json_t *stall_what_json(const struct stall *stall)
{
	char *text = stall_text(stall);
	json_t *json = json_text(text ? text : "");

	free(text);
	return json;
}

/* The program's own function that it was in, what that had called, who had called it, and the
 * outermost one. */
static json_t *stall_script_json(const struct stall *stall)
{
	const struct stall_script *script = &stall->script;

	if (!script->user)
		return json_null();
	const struct json_pair pairs[] = {
	    {"line_about", json_boolean(line_is_about(script->user))},
	    {"called", script->call_name ? json_text(script->call_name) : json_null()},
	    {"caller", script_json(script->caller ? script->caller->symbol : NULL)},
	    {"entered", script_json(script->label)},
	};

	return json_add(script_json(script->user->symbol), pairs, COUNT(pairs));
}

static json_t *script_status_json(const struct trace_stall *stall_sample)
{
	static const char *const names[] = {[TRACE_SCRIPT_WHOLE] = "whole",
					    [TRACE_SCRIPT_CUT] = "cut",
					    [TRACE_SCRIPT_LOST] = "lost"};
	uint8_t status = stall_sample->script_status;

	return status < COUNT(names) && names[status] ? json_text(names[status]) : json_null();
}

json_t *stall_json(const struct report *report, const struct stall *stall)
{
	const struct timeline *timeline = report->timeline;
	const struct trace_stall *stall_sample = stall->stall_sample;
	const char *name = syscall_name(stall_sample->machine, stall_sample->syscall);
	const char state[2] = {(char)(stall_sample->state >= ' ' && stall_sample->state < 127
					  ? stall_sample->state
					  : '?'),
			       '\0'};
	const struct json_pair pairs[] = {
	    {"worker", json_number(report_worker_number(timeline, stall->worker))},
	    {"start_ns", json_integer(timeline_offset_ns(timeline, stall->poll_tick))},
	    {"at_ns", json_integer(timeline_offset_ns(timeline, stall->tick))},
	    {"so_far_ns", json_ticks(timeline, stall->tick - stall->poll_tick)},
	    {"duration_ns",
	     stall->poll_ticks ? json_ticks(timeline, stall->poll_ticks) : json_null()},
	    {"stands_for_ns", json_ticks(timeline, stall->ticks)},
	    {"cause", json_text(stall_cause_name(stall->cause))},
	    {"what", stall_what_json(stall)},
	    {"state", stall_sample->state ? json_text(state) : json_null()},
	    {"syscall", name			     ? json_text(name)
			: stall_sample->syscall >= 0 ? json_integer(stall_sample->syscall)
						     : json_null()},
	    {"args", arguments_json(stall_sample)},
	    {"object", *stall_sample->object ? json_text(stall_sample->object) : json_null()},
	    {"measured_ns", measured_json(stall, stall->measured_ns)},
	    {"on_cpu_ns", measured_json(stall, stall->cpu_ns)},
	    {"wait_ns", measured_json(stall, stall->wait_ns)},
	    {"asleep_ns", measured_json(stall, stall->asleep_ns)},
	    {"stopped", json_boolean(stall_sample->register_count > 0)},
	    {"error",
	     stall_sample->error ? json_text(strerror((int)stall_sample->error)) : json_null()},
	    {"suppressed", json_number(stall_sample->suppressed)},
	    {"script", stall_script_json(stall)},
	    {"script_stack", script_status_json(stall_sample)},
	    {"reason", stall->script.reason ? json_text(work_reason_name(stall->script.reason))
					    : json_null()},
	    {"frames", frames_json(stall)},
	};

	return json_add(site_add(report, json_object(), stall->site, false), pairs, COUNT(pairs));
}

json_t *stalls_json(const struct report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; list && report->stalls && i < report->stalls->count &&
			   i < report->timeline->options.top;
	     i++)
		json_array_append_new(list, stall_json(report, &report->stalls->list[i]));
	return list;
}

json_t *stall_totals_json(const struct stalls *stalls)
{
	if (!stalls)
		return json_null();
	const struct json_pair pairs[] = {
	    {"looks", json_number(stalls->count)},
	    {"suppressed", json_number(stalls->suppressed)},
	    {"blind", json_number(stalls->blind)},
	};

	return json_add(json_object(), pairs, COUNT(pairs));
}
