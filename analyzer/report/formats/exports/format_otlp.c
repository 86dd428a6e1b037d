/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions as traces of OpenTelemetry (OTLP/JSON), for collectors, Jaeger, Tempo and what else
 * takes them: a trace is a transaction, whose root span is the whole of it; below it a span for
 * each poll, under the poll that caused it, and for each wait of it: for the pool, on the pool,
 * outside of the program, and ready while the loop ran others. Each process is a resource.
 *
 * Rules: a transaction is written when it is over, so memory holds one. Ids follow from the
 * process and the transaction's id: another reading of the trace gives the same, and links lead to
 * transactions that are not written yet. Attributes have OpenTelemetry's names where it has one,
 * else begin with "uvtrace.".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "otlp_json.h"
#include "report/formats/report_formats_internal.h"
#include "transactions/transactions.h"

#define NAME_BYTES 512
/* Spans of a step; the transaction's own has the number 0. */
#define SPANS_OF_STEP 8

enum step_span { SPAN_POLL = 1, SPAN_POOL_WAIT, SPAN_POOL_RUN, SPAN_EXTERNAL, SPAN_READY };

struct otlp {
	struct otlp_json json;
	struct report_source source;
	uint64_t process_hash;
};

/* ---- Ids ------------------------------------------------------------------------------------- */

/* The finalizer of splitmix64. */
static uint64_t mix(uint64_t value)
{
	value += 0x9e3779b97f4a7c15ull;
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
	value = (value ^ value >> 27) * 0x94d049bb133111ebull;
	return value ^ value >> 31;
}

/* 0 is no id. */
static uint64_t id_of(uint64_t value)
{
	uint64_t id = mix(value);

	return id ? id : 1;
}

static struct otlp_trace_id trace_id(const struct otlp *otlp, uint64_t transaction)
{
	return (struct otlp_trace_id){otlp->process_hash, id_of(otlp->process_hash ^ transaction)};
}

static uint64_t span_id(struct otlp_trace_id trace, size_t step, enum step_span span)
{
	return id_of(trace.low + step * SPANS_OF_STEP + span);
}

static uint64_t root_id(struct otlp_trace_id trace)
{
	return id_of(trace.low);
}

static uint64_t process_hash(const struct trace_process *process)
{
	uint64_t halves[2];

	memcpy(halves, process->process_id, sizeof(halves));
	return id_of(halves[0] ^ mix(halves[1]));
}

/* ---- Facts ----------------------------------------------------------------------------------- */

/* By the clock at the process' start, so that durations are those of the monotonic clock. */
static uint64_t real_ns(const struct trace_process *process, uint64_t tick)
{
	return process->start_real_ns + (trace_ns(process, tick) - process->start_mono_ns);
}

static uint64_t ticks_ns(const struct trace_process *process, uint64_t ticks, uint64_t at)
{
	return (uint64_t)((unsigned __int128)ticks * trace_clock_range(process, at)->rate >>
			  TRACE_RATE_BITS);
}

static bool is_from_a_peer(const char *kind)
{
	static const char *const kinds[] = {"read", "connection", "udp_recv"};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static const char *kind_of(const struct otlp *otlp, uint32_t site)
{
	const char *kind =
	    timeline_kind(&otlp->source.trace->processes[otlp->source.process], site);

	return kind ? kind : "unknown";
}

static const char *callback_of(const struct otlp *otlp, uint32_t site)
{
	return symbols_site(otlp->source.symbols, site, false)->name;
}

/* "fs_read after_read: pool wait" */
static const char *name_print(const struct otlp *otlp, uint32_t site, const char *what,
			      char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s %s%s%s", kind_of(otlp, site), callback_of(otlp, site),
		 what ? ": " : "", what ? what : "");
	return name;
}

/* ---- Attributes ------------------------------------------------------------------------------ */

static void code_put(struct otlp *otlp, uint32_t site)
{
	const struct symbol_info *symbol = symbols_site(otlp->source.symbols, site, false);

	otlp_text(&otlp->json, "code.function.name", symbol->name);
	if (symbol->file[0])
		otlp_text(&otlp->json, "code.file.path", symbol->file);
	if (symbol->line > 0)
		otlp_number(&otlp->json, "code.line.number", (uint64_t)symbol->line);
	otlp_text(&otlp->json, "uvtrace.kind", kind_of(otlp, site));
}

static void thread_put(struct otlp *otlp, uint32_t position)
{
	const struct trace_process *process = &otlp->source.trace->processes[otlp->source.process];
	const struct trace_worker *worker = &process->workers[position];

	otlp_number(&otlp->json, "thread.id", worker->tid);
	if (worker->name[0])
		otlp_text(&otlp->json, "thread.name", worker->name);
	otlp_number(&otlp->json, "uvtrace.worker", worker->worker);
}

/* Whom it waited for, and how long for each. */
static void behind_put(struct otlp *otlp, const struct transaction_behind *behind, uint64_t at)
{
	const struct trace_process *process = &otlp->source.trace->processes[otlp->source.process];
	char name[NAME_BYTES];
	size_t count = 0;

	while (count < TRANSACTION_STEP_NAMES && behind[count].ticks > 0)
		count++;
	if (count == 0)
		return;
	otlp_array_begin(&otlp->json, "uvtrace.waited_behind");
	for (size_t i = 0; i < count; i++)
		otlp_array_text(&otlp->json, i == 0,
				behind[i].site < process->site_count
				    ? name_print(otlp, behind[i].site, NULL, name)
				    : "others");
	otlp_array_end(&otlp->json);
	otlp_array_begin(&otlp->json, "uvtrace.waited_behind_ns");
	for (size_t i = 0; i < count; i++)
		otlp_array_number(&otlp->json, i == 0, ticks_ns(process, behind[i].ticks, at));
	otlp_array_end(&otlp->json);
}

static void resource_put(struct otlp *otlp)
{
	const struct trace_process *process = &otlp->source.trace->processes[otlp->source.process];
	const char *slash = strrchr(process->exe, '/'), *name = slash ? slash + 1 : process->exe;
	char id[2 * sizeof(process->process_id) + 1];

	for (size_t i = 0; i < sizeof(process->process_id); i++)
		snprintf(id + 2 * i, 3, "%02x", process->process_id[i]);
	otlp_resource_begin(&otlp->json);
	otlp_text(&otlp->json, "service.name", name[0] ? name : "unknown_service");
	otlp_text(&otlp->json, "service.instance.id", id);
	otlp_number(&otlp->json, "process.pid", process->pid);
	otlp_text(&otlp->json, "process.executable.name", name);
	otlp_text(&otlp->json, "process.executable.path", process->exe);
	otlp_text(&otlp->json, "process.command_line", process->cmdline);
	otlp_text(&otlp->json, "uvtrace.libuv", process->libuv);
	otlp_scope_begin(&otlp->json, "uvtrace", process->version);
}

/* ---- Spans ----------------------------------------------------------------------------------- */

struct span_of {
	const struct transaction *transaction;
	struct otlp_trace_id trace;
	size_t step;
	uint64_t cause; /* span of the poll that caused the step, or of the transaction */
};

static void span_begin(struct otlp *otlp, const struct span_of *of, enum step_span which,
		       const char *what, uint64_t from, uint64_t to)
{
	const struct trace_process *process = &otlp->source.trace->processes[otlp->source.process];
	const struct transaction_step *step = &of->transaction->steps[of->step];
	char name[NAME_BYTES];
	struct otlp_span span = {
	    .trace = of->trace,
	    .id = span_id(of->trace, of->step, which),
	    .parent = of->cause,
	    .name = name_print(otlp, step->site, what, name),
	    .kind = OTLP_INTERNAL,
	    .start_real_ns = real_ns(process, from),
	    .end_real_ns = real_ns(process, to > from ? to : from),
	};

	otlp_span_begin(&otlp->json, &span);
	if (step->in_path)
		otlp_flag(&otlp->json, "uvtrace.critical_path", true);
}

static void poll_write(struct otlp *otlp, const struct span_of *of)
{
	const struct transaction_step *step = &of->transaction->steps[of->step];

	span_begin(otlp, of, SPAN_POLL, NULL, step->tick, step->end_tick);
	code_put(otlp, step->site);
	thread_put(otlp, step->worker);
	otlp_text(&otlp->json, "uvtrace.cause", transaction_cause_keys[step->cause]);
	if (step->coalesced > 0)
		otlp_number(&otlp->json, "uvtrace.coalesced_sends", step->coalesced);
	otlp_attributes_end(&otlp->json);
	if (step->linked_id) {
		struct otlp_trace_id linked = trace_id(otlp, step->linked_id);

		otlp_link(&otlp->json, linked, root_id(linked), "coalesced_send");
	}
	otlp_span_end(&otlp->json);
}

static void wait_write(struct otlp *otlp, const struct span_of *of, enum step_span which,
		       const char *what, uint64_t from, uint64_t to,
		       const struct transaction_behind *behind)
{
	if (to <= from)
		return;
	span_begin(otlp, of, which, what, from, to);
	otlp_text(&otlp->json, "uvtrace.wait", what);
	if (behind)
		behind_put(otlp, behind, from);
	otlp_attributes_end(&otlp->json);
	otlp_span_end(&otlp->json);
}

static void step_write(struct otlp *otlp, const struct span_of *of)
{
	const struct transaction_step *step = &of->transaction->steps[of->step];

	if (step->run_tick > 0) {
		wait_write(otlp, of, SPAN_POOL_WAIT, "pool wait", step->caused_tick, step->run_tick,
			   step->busy);
		wait_write(otlp, of, SPAN_POOL_RUN, "pool run", step->run_tick, step->run_end_tick,
			   NULL);
	} else if (step->cause == CAUSE_REQUEST || step->cause == CAUSE_SPAWN) {
		wait_write(otlp, of, SPAN_EXTERNAL, "external", step->caused_tick, step->ready_tick,
			   NULL);
	}
	wait_write(otlp, of, SPAN_READY, "ready",
		   step->cause == CAUSE_ROOT ? step->caused_tick : step->ready_tick, step->tick,
		   step->behind);
	poll_write(otlp, of);
}

static void transaction_write(struct otlp *otlp, const struct transaction *transaction,
			      struct otlp_trace_id trace)
{
	const struct trace_process *process = &otlp->source.trace->processes[otlp->source.process];
	const struct transaction_step *root = &transaction->steps[0];
	char name[NAME_BYTES], id[TRANSACTION_ID_CHARS], key[NAME_BYTES];
	struct otlp_span span = {
	    .trace = trace,
	    .id = root_id(trace),
	    .name = name_print(otlp, root->site, NULL, name),
	    .kind = is_from_a_peer(kind_of(otlp, root->site)) ? OTLP_SERVER : OTLP_INTERNAL,
	    .start_real_ns = real_ns(process, transaction->begin_tick),
	    .end_real_ns = real_ns(process, transaction->end_tick),
	};

	otlp_span_begin(&otlp->json, &span);
	code_put(otlp, root->site);
	transaction_id_print(transaction->id, id);
	otlp_text(&otlp->json, "uvtrace.transaction", id);
	for (size_t i = 0; transaction->cut == CUT_NONE && i < TRANSACTION_PARTS; i++) {
		snprintf(key, sizeof(key), "uvtrace.%s", transaction_part_keys[i]);
		otlp_number(&otlp->json, key,
			    ticks_ns(process, transaction->parts[i], transaction->begin_tick));
	}
	if (transaction->cut != CUT_NONE)
		otlp_text(&otlp->json, "uvtrace.cut", transaction_cut_words[transaction->cut]);
	otlp_attributes_end(&otlp->json);
	if (transaction->started_by) {
		struct otlp_trace_id starter = trace_id(otlp, transaction->started_by);

		otlp_link(&otlp->json, starter, root_id(starter), "started_by");
	}
	otlp_span_end(&otlp->json);
}

/* ---- The format ------------------------------------------------------------------------------ */

int otlp_begin(struct report_output *output)
{
	struct otlp *otlp = calloc(1, sizeof(*otlp));

	if (!otlp)
		return -ENOMEM;
	output->own = otlp;
	fflush(output->file);
	otlp_json_begin(&otlp->json, fileno(output->file));
	return 0;
}

int otlp_open(struct report_output *output, const struct report_source *source)
{
	struct otlp *otlp = output->own;

	otlp->source = *source;
	otlp->process_hash = process_hash(&source->trace->processes[source->process]);
	resource_put(otlp);
	return otlp->json.out.error;
}

void otlp_over(void *arg, const struct transaction *transaction)
{
	const struct report_output *output = arg;
	struct otlp *otlp = output->own;
	struct span_of of = {.transaction = transaction, .trace = trace_id(otlp, transaction->id)};

	if (transaction->step_count == 0 || otlp->json.out.error)
		return;
	transaction_write(otlp, transaction, of.trace);
	for (; of.step < transaction->step_count; of.step++) {
		uint32_t parent = transaction->steps[of.step].parent;

		of.cause = parent == TRANSACTION_NO_STEP ? root_id(of.trace)
							 : span_id(of.trace, parent, SPAN_POLL);
		step_write(otlp, &of);
	}
}

int otlp_process(struct report_output *output, const struct report *report)
{
	struct otlp *otlp = output->own;

	(void)report;
	otlp_resource_end(&otlp->json);
	return otlp->json.out.error;
}

int otlp_end(struct report_output *output)
{
	struct otlp *otlp = output->own;

	otlp_json_end(&otlp->json);
	return otlp->json.out.error;
}
