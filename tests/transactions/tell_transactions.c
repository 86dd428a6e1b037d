/* SPDX-License-Identifier: Apache-2.0
 *
 * tell_transactions TRACE...: each transaction of the trace as a JSON object a line, for tests that
 * compare with what a program or a load generator counted and timed itself. The last line of each
 * process has its numbers. With -q only these.
 *
 * Rules: times are ns; those of a transaction after the process' start on CLOCK_MONOTONIC. Exit 1
 * where the parts of a transaction do not add up to its duration.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transactions/transactions.h"

struct telling {
	const struct trace_process *process;
	bool wrong;
};

static uint64_t ns_of(const struct telling *telling, uint64_t tick)
{
	return tick ? trace_ns(telling->process, tick) : 0;
}

/* Ticks as ns, exact to the clock's drift: good for what lasts seconds. */
static uint64_t ns_for(const struct telling *telling, uint64_t from, uint64_t ticks)
{
	return trace_ns(telling->process, from + ticks) - trace_ns(telling->process, from);
}

static const char *symbol_of(const struct trace_process *process, uint32_t site)
{
	const char *symbol =
	    site < process->site_count ? process->sites[site].callback_symbol : NULL;

	return symbol ? symbol : "";
}

static void step_print(const struct telling *telling, const struct transaction_step *step)
{
	const struct trace_process *process = telling->process;

	printf("{\"parent\":%d,\"cause\":\"%s\",\"kind\":\"%s\",\"callback\":\"%s\","
	       "\"worker\":%" PRIu32 ",\"caused_ns\":%" PRIu64 ",\"run_ns\":%" PRIu64
	       ",\"run_end_ns\":%" PRIu64 ",\"ready_ns\":%" PRIu64 ",\"ns\":%" PRIu64
	       ",\"end_ns\":%" PRIu64 ",\"in_path\":%s,\"coalesced\":%" PRIu32,
	       (int)step->parent, transaction_cause_keys[step->cause],
	       trace_site_kind(process, step->site), symbol_of(process, step->site),
	       process->workers[step->worker].worker, ns_of(telling, step->caused_tick),
	       ns_of(telling, step->run_tick), ns_of(telling, step->run_end_tick),
	       ns_of(telling, step->ready_tick), ns_of(telling, step->tick),
	       ns_of(telling, step->end_tick), step->in_path ? "true" : "false", step->coalesced);
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		printf(",\"%s\":%" PRIu64, transaction_part_keys[i],
		       ns_for(telling, step->caused_tick, step->parts[i]));
	printf(",\"behind_by\":{");
	for (int i = 0; i < TRANSACTION_STEP_NAMES && step->behind[i].ticks > 0; i++)
		printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		       symbol_of(process, step->behind[i].site),
		       ns_for(telling, step->caused_tick, step->behind[i].ticks));
	printf("},\"busy_by\":{");
	for (int i = 0; i < TRANSACTION_STEP_NAMES && step->busy[i].ticks > 0; i++)
		printf("%s\"%s\":%" PRIu64, i > 0 ? "," : "",
		       symbol_of(process, step->busy[i].site),
		       ns_for(telling, step->caused_tick, step->busy[i].ticks));
	printf("}}");
}

static void check_sum(struct telling *telling, const struct transaction *transaction)
{
	uint64_t sum = 0;

	for (int i = 0; i < TRANSACTION_PARTS; i++)
		sum += transaction->parts[i];
	telling->wrong |=
	    transaction->cut == CUT_NONE && sum != transaction->end_tick - transaction->begin_tick;
}

static void transaction_print(void *arg, const struct transaction *transaction)
{
	struct telling *telling = arg;
	char id[TRANSACTION_ID_CHARS];

	check_sum(telling, transaction);
	transaction_id_print(transaction->id, id);
	printf("{\"id\":\"%s\",\"cut\":\"%s\",\"begin_ns\":%" PRIu64 ",\"end_ns\":%" PRIu64, id,
	       transaction_cut_keys[transaction->cut], ns_of(telling, transaction->begin_tick),
	       ns_of(telling, transaction->end_tick));
	transaction_id_print(transaction->started_by, id);
	printf(",\"started_by\":\"%s\",\"signature\":\"%016" PRIx64 "\"",
	       transaction->started_by ? id : "", transaction->signature);
	for (int i = 0; i < TRANSACTION_PARTS; i++)
		printf(",\"%s\":%" PRIu64, transaction_part_keys[i],
		       ns_for(telling, transaction->begin_tick, transaction->parts[i]));
	printf(",\"steps\":[");
	for (size_t i = 0; i < transaction->step_count; i++) {
		fputs(i > 0 ? "," : "", stdout);
		step_print(telling, &transaction->steps[i]);
	}
	puts("]}");
}

static void signature_print(const struct trace_process *process, const struct timeline *timeline,
			    const struct transaction_signature *signature)
{
	printf("{\"count\":%" PRIu64 ",\"cut\":%" PRIu64 ",\"p50_ns\":%" PRIu64
	       ",\"max_ns\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\",\"kinds\":[",
	       signature->count, signature->cut,
	       timeline_ns(timeline, histogram_quantile(&signature->ticks, 0.5)),
	       timeline_ns(timeline, signature->ticks.max), signature->hash);
	for (size_t i = 0; i < signature->site_count; i++)
		printf("%s\"%s\"", i > 0 ? "," : "", trace_site_kind(process, signature->sites[i]));
	printf("],\"callback\":\"%s\"}", symbol_of(process, signature->sites[0]));
}

static void result_print(const struct trace_process *process, const struct timeline *timeline,
			 const struct transactions *result)
{
	printf("{\"pid\":%" PRIu32 ",\"count\":%" PRIu64 ",\"unsigned\":%" PRIu64, process->pid,
	       result->count, result->unsigned_count);
	for (int i = 1; i < TRANSACTION_CUTS; i++)
		printf(",\"%s\":%" PRIu64, transaction_cut_keys[i], result->cut[i]);
	printf(",\"signatures\":[");
	for (size_t i = 0; i < result->signature_count; i++) {
		fputs(i > 0 ? "," : "", stdout);
		signature_print(process, timeline, &result->signatures[i]);
	}
	puts("]}");
}

/* False: it could not be told, or does not add up. */
static bool process_tell(struct trace *trace, size_t process, bool quiet)
{
	struct telling telling = {
	    .process = &trace->processes[process],
	};
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
	struct timeline *timeline;

	if (!quiet)
		wanted.over = transaction_print;
	wanted.arg = &telling;
	struct transactions *result =
	    transactions_read(trace, process, &options, &wanted, NULL, NULL, &timeline);
	if (!result)
		return false;
	result_print(telling.process, timeline, result);
	transactions_free(result);
	timeline_free(timeline);
	return !telling.wrong;
}

int main(int argc, char **argv)
{
	bool quiet = argc > 1 && strcmp(argv[1], "-q") == 0, good = true;
	struct trace *trace = trace_open((const char *const *)argv + 1 + quiet,
					 (size_t)(argc - 1 - quiet), NULL, NULL);

	if (!trace)
		return 1;
	for (size_t i = 0; i < trace->process_count; i++)
		good = process_tell(trace, i, quiet) && good;
	trace_close(trace);
	return good ? 0 : 1;
}
