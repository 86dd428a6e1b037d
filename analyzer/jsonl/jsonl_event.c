/* SPDX-License-Identifier: Apache-2.0
 *
 * One event, one line. Which field an event has follows from its code (a table) or, for polls and
 * requests, from the site; what is known of a site is turned into text once.
 *
 * Rules: an address is a string "0x...", since JSON's numbers end at 2^53 for many readers. A field
 * that is not known is left out, never made up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonl.h"

int jsonl_process_init(struct jsonl_process *process, const struct trace_process *trace,
		       struct json_out *out, bool show_pid)
{
	*process = (struct jsonl_process){
	    .process = trace, .out = out, .show_pid = show_pid, .pending.due_ns = UINT64_MAX};
	process->sites = calloc(trace->site_count + 1, sizeof(*process->sites));
	process->symbols = symbols_open(trace);
	return process->sites && process->symbols ? 0 : -ENOMEM;
}

void jsonl_process_free(struct jsonl_process *process)
{
	for (size_t i = 0; process->sites && i < process->process->site_count; i++)
		free(process->sites[i]);
	free(process->sites);
	free(process->requests);
	jsonl_pending_free(&process->pending);
	step_reader_close(process->steps);
	step_index_free(process->index);
	if (process->symbols)
		symbols_close(process->symbols);
}

void jsonl_begin(struct jsonl_process *process, const char *event, uint64_t ns, uint32_t worker)
{
	json_out_text(process->out, "{\"event\":\"");
	json_out_text(process->out, event);
	json_out_text(process->out, "\",\"timestamp_ns\":");
	json_out_number(process->out, ns);
	if (process->show_pid)
		json_out_key_number(process->out, "pid", process->process->pid);
	json_out_key_number(process->out, "worker", worker);
}

void jsonl_end(struct jsonl_process *process)
{
	json_out_bytes(process->out, "}\n", 2);
}

/* ---- Sites ----------------------------------------------------------------------------------- */

static const struct trace_kind_info *find_kind(const struct trace_process *process, uint32_t kind)
{
	return kind < process->kind_count && process->kinds[kind].name ? &process->kinds[kind]
								       : NULL;
}

static const struct trace_site *find_site(const struct trace_process *process, uint32_t site)
{
	return site < process->site_count && process->sites[site].present ? &process->sites[site]
									  : NULL;
}

static uint8_t site_class(const struct trace_process *process, uint32_t site_index)
{
	const struct trace_site *site = find_site(process, site_index);
	const struct trace_kind_info *kind = site ? find_kind(process, site->kind) : NULL;

	return kind ? kind->class : KIND_CLASS_NONE;
}

static void put_kind(struct jsonl_process *process, struct json_out *to, uint32_t number)
{
	const struct trace_kind_info *kind = find_kind(process->process, number);

	json_out_key_string(to, "kind", kind ? kind->name : "unknown");
}

/* Its text is made apart and kept. NULL: no memory. */
static char *make_site(struct jsonl_process *process, uint32_t index)
{
	const struct trace_site *site = find_site(process->process, index);
	struct json_out *text = calloc(1, sizeof(*text));
	char *made;

	if (!text)
		return NULL;
	text->fd = -1; /* it all fits into the buffer */
	put_kind(process, text, site->kind);
	if (site->callback)
		json_out_key_string(text, "callback",
				    symbols_site(process->symbols, index, false)->text);
	if (site->caller)
		json_out_key_string(text, "caller",
				    symbols_site(process->symbols, index, true)->text);
	made = strndup(text->buffer, text->used);
	free(text);
	return made;
}

static void put_site(struct jsonl_process *process, uint32_t index)
{
	if (!find_site(process->process, index)) {
		json_out_key_string(process->out, "kind", "unknown");
		return;
	}
	if (!process->sites[index])
		process->sites[index] = make_site(process, index);
	if (process->sites[index])
		json_out_text(process->out, process->sites[index]);
	else
		process->out->error = -ENOMEM;
}

void jsonl_put_poll(struct jsonl_process *process, uint64_t word)
{
	put_site(process, trace_word_code(word) - TRACE_CODE_POLL);
	json_out_key_address(process->out, "object", trace_word_object(word));
}

static void put_site_event(struct jsonl_process *process, const char *event, uint64_t ns,
			   uint32_t worker, uint32_t site, uint64_t word)
{
	jsonl_begin(process, event, ns, worker);
	put_site(process, site);
	json_out_key_address(process->out, "object", trace_word_object(word));
}

/* ---- Requests of the pool -------------------------------------------------------------------- */

static uint64_t *request_slot(struct jsonl_process *process, uint64_t work)
{
	return &process->requests[(work * 0x9e3779b97f4a7c15ull >> 48) % JSONL_REQUESTS];
}

/* Keeps what kind of request lies at a struct uv__work: that is all that a pool worker knows of it.
 */
static void remember_request(struct jsonl_process *process, uint32_t site, uint64_t word)
{
	uint32_t kind;
	uint64_t work;

	if (site_class(process->process, site) != KIND_CLASS_POOL)
		return;
	if (!process->requests)
		process->requests = calloc(JSONL_REQUESTS, sizeof(*process->requests));
	if (!process->requests)
		return;
	kind = process->process->sites[site].kind;
	work = trace_word_object(word) + process->process->kinds[kind].work_req_offset;
	*request_slot(process, work) = trace_word(work, kind);
}

/* The request and its kind where its submission was seen, else the address that the pool worker
 * gave. */
static void put_request(struct jsonl_process *process, uint64_t work)
{
	uint64_t known = process->requests ? *request_slot(process, work) : 0;
	uint32_t kind = trace_word_code(known);

	if (!known || trace_word_object(known) != work) {
		json_out_key_address(process->out, "work", work);
		return;
	}
	put_kind(process, process->out, kind);
	json_out_key_address(process->out, "object",
			     work - process->process->kinds[kind].work_req_offset);
}

/* ---- Events ---------------------------------------------------------------------------------- */

static void put_unknown(struct jsonl_process *process, uint64_t word)
{
	json_out_key_number(process->out, "code", trace_word_code(word));
	json_out_key_address(process->out, "object", trace_word_object(word));
}

static void put_queue(struct jsonl_process *process, struct trace_queue queue)
{
	const char *stream = trace_stream_name(queue.stream);

	if (stream)
		json_out_key_string(process->out, "stream", stream);
	if (queue.fd < TRACE_QUEUE_FD_MAX)
		json_out_key_number(process->out, "fd", queue.fd);
	json_out_key_number(process->out, "bytes", queue.bytes);
	if (queue.behind)
		json_out_text(process->out, ",\"behind\":true");
}

/* The object field, by its type. */
static void put_object(struct jsonl_process *process, uint64_t word)
{
	const struct trace_event_row *event = &trace_events[trace_word_code(word)];
	uint64_t object = trace_word_object(word);

	switch ((enum trace_object)event->object) {
	case TRACE_OBJECT_LOOP:
	case TRACE_OBJECT_HANDLE:
	case TRACE_OBJECT_REQUEST:
		json_out_key_address(process->out, event->key, object);
		break;
	case TRACE_OBJECT_COUNT:
		json_out_key_number(process->out, event->key, object);
		break;
	case TRACE_OBJECT_LOST:
		json_out_key_number(process->out, "count", object);
		json_out_key_string(process->out, "reason", event->key);
		break;
	case TRACE_OBJECT_MS:
		json_out_key_number(process->out, event->key, object * 1000000);
		break;
	case TRACE_OBJECT_WORK:
		put_request(process, object);
		break;
	case TRACE_OBJECT_QUEUE:
		put_queue(process, trace_queue_of(word));
		break;
	case TRACE_OBJECT_NONE:
	case TRACE_OBJECT_MARK:
	case TRACE_OBJECT_HIGH:
		break;
	}
}

static void put_submit(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word)
{
	uint32_t site = trace_word_code(word) - TRACE_CODE_SUBMIT;

	remember_request(process, site, word);
	if (find_site(process->process, site))
		jsonl_pending_begin(process, worker, site, trace_word_object(word), ns);
	put_site_event(process, "RequestSubmit", ns, worker, site, word);
	jsonl_end(process);
}

static void put_handle(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word)
{
	uint32_t site = trace_word_code(word) - TRACE_CODE_HANDLE;
	bool makes = trace_site_makes(process->process, site);

	put_site_event(process, makes ? "HandleInit" : "HandleStart", ns, worker, site, word);
	jsonl_end(process);
}

void jsonl_instant(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word)
{
	uint32_t code = trace_word_code(word);

	if (trace_code_is_submit(code)) {
		put_submit(process, ns, worker, word);
		return;
	}
	if (trace_code_is_handle(code)) {
		put_handle(process, ns, worker, word);
		return;
	}
	jsonl_begin(process, trace_event_name(word), ns, worker);
	if (code < TRACE_EVENT_CODES && trace_events[code].name)
		put_object(process, word);
	else
		put_unknown(process, word); /* of a newer writer: as it is */
	jsonl_end(process);
}

static void put_mark_fields(struct jsonl_process *process, const struct mark *mark)
{
	bool first = true;

	for (uint32_t i = 0; i < mark->field_count; i++) {
		const char *name = trace_name(process->process, mark->fields[i].name);

		if (!name)
			continue;
		json_out_text(process->out, first ? ",\"fields\":{" : ",");
		first = false;
		json_out_string(process->out, name);
		json_out_bytes(process->out, ":", 1);
		json_out_number(process->out, mark->fields[i].value);
	}
	if (!first)
		json_out_bytes(process->out, "}", 1);
}

/* Ids are strings, as addresses are. */
void jsonl_mark(struct jsonl_process *process, uint64_t ns, uint32_t worker,
		const struct mark *mark)
{
	const char *name = trace_name(process->process, mark->name);

	jsonl_begin(process, trace_event_name(mark->code), ns, worker);
	if (name)
		json_out_key_string(process->out, "name", name);
	if (mark->code == TRACE_MARK)
		json_out_key_number(process->out, "value", mark->value);
	else
		json_out_key_address(process->out, "id", mark->value);
	put_mark_fields(process, mark);
	jsonl_end(process);
}

void jsonl_request_pending(struct jsonl_process *process, const struct request *request,
			   uint64_t ns, uint64_t age_ns)
{
	put_site_event(process, "RequestPending", ns, request->worker, request->site,
		       trace_word(request->key, TRACE_CODE_SUBMIT));
	json_out_key_number(process->out, "age_ns", age_ns);
	jsonl_end(process);
}

static void put_step(struct jsonl_process *process, const struct step_record *step)
{
	char id[TRANSACTION_ID_CHARS];

	transaction_id_print(step->transaction, id);
	json_out_key_string(process->out, "transaction", id);
	if (step->parent == 0)
		return;
	transaction_id_print(step->parent, id);
	json_out_key_string(process->out, "parent", id);
}

void jsonl_poll_start(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word,
		      const struct step_record *step)
{
	uint32_t site = trace_word_code(word) - TRACE_CODE_POLL;
	uint8_t class = site_class(process->process, site);

	uint64_t life_ns;

	if (class == KIND_CLASS_REQUEST || class == KIND_CLASS_POOL) {
		put_site_event(process, "RequestDone", ns, worker, site, word);
		if (jsonl_pending_end(process, trace_word_object(word), ns, &life_ns))
			json_out_key_number(process->out, "life_ns", life_ns);
		jsonl_end(process);
	}
	put_site_event(process, "PollStart", ns, worker, site, word);
	if (step)
		put_step(process, step);
	jsonl_end(process);
}

void jsonl_poll_end(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word,
		    uint64_t duration_ns, bool unwound)
{
	if (word)
		put_site_event(process, "PollEnd", ns, worker,
			       trace_word_code(word) - TRACE_CODE_POLL, word);
	else
		jsonl_begin(process, "PollEnd", ns, worker);
	if (duration_ns != UINT64_MAX)
		json_out_key_number(process->out, "duration_ns", duration_ns);
	if (unwound)
		json_out_text(process->out, ",\"unwound\":true");
	jsonl_end(process);
}

void jsonl_item_start(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t word)
{
	jsonl_begin(process, "PoolItemStart", ns, worker);
	if (word)
		put_request(process, trace_word_object(word));
	jsonl_end(process);
}

void jsonl_missing(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t count)
{
	jsonl_pending_forget(process, worker, ns);
	jsonl_begin(process, "Lost", ns, worker);
	if (count > 0)
		json_out_key_number(process->out, "count", count);
	json_out_key_string(process->out, "reason", "missing from the files");
	jsonl_end(process);
}

void jsonl_lost(struct jsonl_process *process, uint64_t ns, uint32_t worker, uint64_t count)
{
	jsonl_begin(process, "Lost", ns, worker);
	json_out_key_number(process->out, "count", count);
	json_out_key_string(process->out, "reason", "at an unknown time");
	jsonl_end(process);
}

static void dump_keys(struct json_out *out, const struct trace_process *process)
{
	const struct trace_dump *dump = &process->dump;

	if (!dump->cause)
		return;
	json_out_key_string(out, "dump_cause", trace_dump_cause_name(dump->cause));
	json_out_key_string(out, "dump_reason", process->dump_reason);
	json_out_key_number(out, "dump_requested_from_ns", dump->requested_from_ns);
	json_out_key_number(out, "dump_requested_to_ns", dump->requested_to_ns);
	json_out_key_number(out, "dump_covered_from_ns", dump->covered_from_ns);
	json_out_key_number(out, "dump_covered_to_ns", dump->covered_to_ns);
	json_out_key_number(out, "dump_suppressed", dump->suppressed);
}

void jsonl_trace_start(struct jsonl_process *process, const struct trace *trace)
{
	const struct trace_process *from = process->process;
	struct json_out *out = process->out;

	json_out_text(out, "{\"event\":\"TraceStart\",\"timestamp_ns\":");
	json_out_number(out, trace_ns(from, from->start_tick));
	json_out_key_number(out, "pid", from->pid);
	json_out_key_string(out, "program", from->exe);
	json_out_key_string(out, "command", from->cmdline);
	json_out_key_string(out, "libuv", from->libuv);
	json_out_key_string(out, "tier", trace_tier_name(from->tier));
	json_out_key_string(out, "clock",
			    from->clock == TRACE_CLOCK_MONOTONIC ? "monotonic" : "tsc");
	json_out_key_number(out, "start_realtime_ns", from->start_real_ns);
	json_out_key_number(out, "start_timestamp_ns", from->start_mono_ns);
	json_out_key_string(out, "version", from->version);
	dump_keys(out, from);
	json_out_key_number(out, "segments", from->segment_count);
	json_out_key_number(out, "events", from->events);
	json_out_key_number(out, "lost", from->lost);
	json_out_key_number(out, "missing", from->missing);
	json_out_key_strings(out, "notes", from->notes, from->note_count);
	json_out_key_strings(out, "problems", trace->problems, trace->problem_count);
	jsonl_end(process);
}
