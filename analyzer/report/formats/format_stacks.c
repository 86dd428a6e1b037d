/* SPDX-License-Identifier: Apache-2.0
 *
 * What each thread was in at its newest stall sample, with its stack: what `trace_ctl PID stack`
 * prints of a trace that has one sample of each worker, taken just now. For people, and as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/durations.h"
#include "base/report_table.h"
#include "report/json/report_json.h"
#include "report/text/report_stacks.h"
#include "report_formats_internal.h"
#include "trace/syscalls.h"

/* ---- What it does ---------------------------------------------------------------------------- */

enum doing { DOING_UNKNOWN, DOING_CALLBACK, DOING_WAITING, DOING_BETWEEN, DOING_OUTSIDE, DOINGS };

static const struct {
	const char *name, *loop, *pool;
} doings[DOINGS] = {
    [DOING_UNKNOWN] = {"unknown", "callback not known (recording was off when it began)",
		       "work not known (recording was off when it began)"},
    [DOING_CALLBACK] = {"callback", "in the ", "in the "},
    [DOING_WAITING] = {"waiting", "waits for events", "idle pool thread"},
    [DOING_BETWEEN] = {"loop", "in the loop, between callbacks", "at work on a request"},
    [DOING_OUTSIDE] = {"outside", "outside of uv_run", "outside of the pool's work"},
};

static bool is_stopped(const struct trace_stall *sample)
{
	return sample->state == 'T' || sample->state == 't';
}

/* A wait for events can be told without a record of it. */
static bool is_event_wait(const struct trace_stall *sample, bool is_loop)
{
	const char *name = syscall_name(sample->machine, sample->syscall);

	return is_loop && sample->register_count == 0 && name && strncmp(name, "epoll_", 6) == 0;
}

static enum doing doing_of(const struct stall *stall, bool is_loop)
{
	const struct trace_stall *sample = stall->stall_sample;

	if (trace_word_is_poll(sample->poll_word))
		return DOING_CALLBACK;
	switch (trace_word_code(sample->poll_word)) {
	case 0:
		return is_event_wait(sample, is_loop) ? DOING_WAITING : DOING_UNKNOWN;
	case TRACE_PARK:
		return DOING_WAITING;
	case TRACE_LOOP_LEAVE:
		return DOING_OUTSIDE;
	default:
		return DOING_BETWEEN;
	}
}

static bool is_last_of_worker(const struct stalls *stalls, size_t at)
{
	for (size_t i = at + 1; i < stalls->count; i++)
		if (stalls->list[i].worker == stalls->list[at].worker)
			return false;
	return true;
}

/* ---- Text ------------------------------------------------------------------------------------ */

/* Text from a trace, cleaned. */
static void text_print(const char *text, FILE *out)
{
	char *clean = report_clean(text);

	fputs(clean ? clean : "?", out);
	free(clean);
}

static void thread_print(const struct report *report, const struct stall *stall, FILE *out)
{
	const struct timeline *timeline = report->timeline;
	const struct trace_worker *worker = &timeline->process->workers[stall->worker];
	bool is_loop = worker->role == TRACE_ROLE_LOOP;
	enum doing doing = doing_of(stall, is_loop);
	uint64_t ticks = stall->tick - stall->poll_tick;
	char time[DURATION_TEXT_BYTES];

	fprintf(out, "\nworker %" PRIu32 " (%s, thread %" PRIu32, worker->worker,
		report_role(timeline, stall->worker), worker->tid);
	if (*worker->name)
		fputs(", ", out);
	text_print(worker->name, out);
	fprintf(out, "): %s", is_loop ? doings[doing].loop : doings[doing].pool);
	if (doing == DOING_CALLBACK) {
		fprintf(out, "%s callback ", report_kind(timeline, stall->site));
		text_print(report_stall_callback(report, stall), out);
	}
	if (ticks > 0)
		fprintf(out, ", for %s", duration_format(timeline_ns(timeline, ticks), time));
	fputc('\n', out);
	if (doing != DOING_WAITING)
		report_stack_print(stall, out);
	else if (is_loop || is_stopped(stall->stall_sample))
		report_stack_what_print(stall, out);
}

int stacks_process(struct report_output *output, const struct report *report)
{
	const struct trace_process *process = report->timeline->process;
	const struct stalls *stalls = report->stalls;

	fprintf(output->file, "process %" PRIu32 ": ", process->pid);
	text_print(*process->cmdline ? process->cmdline : process->exe, output->file);
	fputc('\n', output->file);
	for (size_t i = 0; i < process->note_count; i++) {
		fputs("note: ", output->file);
		text_print(process->notes[i], output->file);
		fputc('\n', output->file);
	}
	for (size_t i = 0; stalls && i < stalls->count; i++)
		if (is_last_of_worker(stalls, i))
			thread_print(report, &stalls->list[i], output->file);
	fputc('\n', output->file);
	return 0;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *thread_json(const struct report *report, const struct stall *stall)
{
	const struct trace_worker *worker = &report->timeline->process->workers[stall->worker];
	enum doing doing = doing_of(stall, worker->role == TRACE_ROLE_LOOP);
	const struct json_pair pairs[] = {
	    {"role", json_text(report_role(report->timeline, stall->worker))},
	    {"tid", json_number(worker->tid)},
	    {"name", json_text(worker->name)},
	    {"doing", json_text(doings[doing].name)},
	};

	return json_add(stall_json(report, stall), pairs, COUNT(pairs));
}

static json_t *notes_json(const struct trace_process *process)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < process->note_count; i++)
		json_array_append_new(list, json_text(process->notes[i]));
	return list;
}

int stacks_json_process(struct report_output *output, const struct report *report)
{
	const struct trace_process *process = report->timeline->process;
	const struct stalls *stalls = report->stalls;
	json_t *threads = json_array(), *object;
	int error = 0;

	for (size_t i = 0; threads && stalls && i < stalls->count; i++)
		if (is_last_of_worker(stalls, i))
			json_array_append_new(threads, thread_json(report, &stalls->list[i]));
	const struct json_pair pairs[] = {
	    {"pid", json_number(process->pid)},
	    {"exe", json_text(process->exe)},
	    {"cmdline", json_text(process->cmdline)},
	    {"notes", notes_json(process)},
	    {"threads", threads},
	};

	object = json_add(json_object(), pairs, COUNT(pairs));
	if (!object)
		return -ENOMEM;
	if (json_dumpf(object, output->file, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0)
		error = -EIO;
	fputc('\n', output->file);
	json_decref(object);
	return error;
}
