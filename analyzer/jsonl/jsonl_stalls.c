/* SPDX-License-Identifier: Apache-2.0
 *
 * Stall samples as events: Stall, and StallEnd when such a callback was seen to have ended.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "jsonl.h"
#include "report/stall_text.h"
#include "trace/syscalls.h"

static void put_arguments(struct json_out *out, const struct trace_stall *stall_sample)
{
	char text[24];

	json_out_key(out, "args");
	for (size_t i = 0; i < sizeof(stall_sample->arguments) / sizeof(stall_sample->arguments[0]);
	     i++) {
		snprintf(text, sizeof(text), "0x%" PRIx64, stall_sample->arguments[i]);
		json_out_text(out, i ? "," : "[");
		json_out_string(out, text);
	}
	json_out_text(out, "]");
}

static void put_syscall(struct json_out *out, const struct trace_stall *stall_sample)
{
	const char *name = syscall_name(stall_sample->machine, stall_sample->syscall);

	if (stall_sample->syscall < 0)
		return;
	if (name)
		json_out_key_string(out, "syscall", name);
	else
		json_out_key_number(out, "syscall", (uint64_t)stall_sample->syscall);
	put_arguments(out, stall_sample);
}

static void put_measured(struct json_out *out, const struct stall *stall)
{
	if (!stall->measured)
		return;
	json_out_key_number(out, "on_cpu_ns", stall->cpu_ns);
	json_out_key_number(out, "wait_ns", stall->wait_ns);
	json_out_key_number(out, "asleep_ns", stall->asleep_ns);
}

/* Innermost first; "? " before what was found by searching the stack. */
static void put_frames(struct json_out *out, const struct stall *stall)
{
	char text[JSON_OUT_TEXT_MAX];

	json_out_key(out, "frames");
	json_out_text(out, "[");
	for (size_t i = 0; i < stall->frame_count; i++) {
		snprintf(text, sizeof(text), "%s%s", stall->frames[i].scanned ? "? " : "",
			 stall->frames[i].symbol->text);
		json_out_text(out, i ? "," : "");
		json_out_string(out, text);
	}
	json_out_text(out, "]");
}

/* The program's own function of a script. */
static void put_script(struct json_out *out, const struct stall_script *script)
{
	if (script->user) {
		json_out_key_string(out, "function", script->user->symbol->name);
		json_out_key_string(out, "function_file", script->user->symbol->file);
		json_out_key_number(out, "function_line", (uint64_t)script->user->symbol->line);
	}
	if (script->call_name)
		json_out_key_string(out, "called", script->call_name);
	if (script->reason)
		json_out_key_string(out, "reason", work_reason_name(script->reason));
}

static void put_sample(struct jsonl_process *process, const struct trace_stall *stall_sample)
{
	struct json_out *out = process->out;
	char state[] = {(char)stall_sample->state, '\0'};
	struct stall stall;
	int error = stall_explain(process->process, process->symbols, stall_sample, &stall);
	char *what = stall_text(&stall);

	if (error || !what)
		out->error = -ENOMEM;
	json_out_key_string(out, "cause", stall_cause_name(stall.cause));
	json_out_key_string(out, "what", what ? what : "");
	free(what);
	if (stall_sample->state)
		json_out_key_string(out, "state", state);
	put_syscall(out, stall_sample);
	put_measured(out, &stall);
	put_script(out, &stall.script);
	put_frames(out, &stall);
	stall_clear(&stall);
}

static void put_stall(struct jsonl_process *process, const struct trace_stall *stall_sample,
		      uint64_t ns)
{
	bool is_sample = stall_sample->type == TRACE_STALL_LOOK;

	if (!is_sample && stall_sample->type != TRACE_STALL_END)
		return;
	jsonl_begin(process, is_sample ? "Stall" : "StallEnd", ns, stall_sample->worker);
	if (stall_sample->poll_word)
		jsonl_put_poll(process, stall_sample->poll_word);
	json_out_key_number(process->out, "so_far_ns",
			    ns - trace_ns(process->process, stall_sample->poll_tick));
	if (is_sample)
		put_sample(process, stall_sample);
	if (stall_sample->suppressed)
		json_out_key_number(process->out, "suppressed", stall_sample->suppressed);
	jsonl_end(process);
}

static bool next_ns(const struct jsonl_stalls *stalls, uint64_t *ns)
{
	const struct trace_process *process = stalls->process->process;

	if (stalls->at < process->stall_count)
		*ns = trace_ns(process, process->stalls[stalls->at].tick);
	return stalls->at < process->stall_count;
}

bool jsonl_stalls_begin(struct jsonl_stalls *stalls, struct jsonl_process *process, uint64_t *ns)
{
	*stalls = (struct jsonl_stalls){.process = process};
	return next_ns(stalls, ns);
}

bool jsonl_stalls_write(struct jsonl_stalls *stalls, uint64_t *ns)
{
	const struct trace_process *process = stalls->process->process;
	const struct trace_stall *stall_sample = &process->stalls[stalls->at++];

	put_stall(stalls->process, stall_sample, trace_ns(process, stall_sample->tick));
	return next_ns(stalls, ns);
}
