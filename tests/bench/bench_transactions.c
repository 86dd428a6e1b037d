/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_transactions [TRACE]: what following transactions costs a reader: a process is read with
 * and without them by turns, as analyze_trace does it. Without an argument it makes a trace of its
 * own with generate_trace. With "with" or "without" as second argument it reads once, so that a
 * profiler sees that alone.
 *
 * One line: events a second of CPU time and of wall time, without and with, and what share of them
 * is left. Medians: others share the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "generated_trace.h"
#include "transactions/transaction_tally.h"

#define RUNS	 9
#define LEAST_NS 1000000
#define TARGET	 0.7

static double clock_s(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static bool is_wanted(void *arg, const struct transaction_glance *glance)
{
	return transaction_tally_wants(arg, glance);
}

/* False: no memory. */
static bool read_with(struct trace *trace)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct transactions_options wanted = TRANSACTIONS_OPTIONS_DEFAULT;
	struct transaction_tally *tally = transaction_tally_make(&trace->processes[0], LEAST_NS);
	struct timeline *timeline = NULL;

	wanted.over = transaction_tally_take;
	wanted.wants = is_wanted;
	wanted.quiet_ticks = tally ? tally->least : 0;
	wanted.arg = tally;
	struct transactions *transactions =
	    tally ? transactions_read(trace, 0, &options, &wanted, NULL, NULL, &timeline) : NULL;
	transactions_free(transactions);
	transaction_tally_free(tally);
	timeline_free(timeline);
	return transactions != NULL;
}

static bool read_without(struct trace *trace)
{
	struct timeline_options options = TIMELINE_OPTIONS_DEFAULT;
	struct timeline *timeline = timeline_read(trace, 0, &options, NULL, NULL);

	timeline_free(timeline);
	return timeline != NULL;
}

static bool (*const readings[])(struct trace *trace) = {read_without, read_with};

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(double *seconds)
{
	qsort(seconds, RUNS, sizeof(*seconds), compare);
	return seconds[RUNS / 2];
}

static int measure(struct trace *trace)
{
	double cpu_s[2][RUNS], wall_s[2][RUNS], events = (double)trace->processes[0].events;

	for (int run = 0; run < RUNS; run++) {
		for (int i = 0; i < 2; i++) {
			double cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
			double wall = clock_s(CLOCK_MONOTONIC);
			if (!readings[i](trace))
				return 1;
			cpu_s[i][run] = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu;
			wall_s[i][run] = clock_s(CLOCK_MONOTONIC) - wall;
		}
	}
	double without = events / median(cpu_s[0]) / 1e6, with = events / median(cpu_s[1]) / 1e6;
	printf("transactions: %.0f M events/s of CPU time without, %.0f M with: %.2f of it "
	       "(target %.1f: %s); of wall time %.2f\n",
	       without, with, with / without, TARGET,
	       with / without >= TARGET ? "reached" : "not reached",
	       median(wall_s[0]) / median(wall_s[1]));
	return 0;
}

static int run(const char *path, const char *which)
{
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	int status = 1;

	if (trace && trace->process_count > 0 && which)
		status = !readings[strcmp(which, "with") == 0](trace);
	else if (trace && trace->process_count > 0)
		status = measure(trace);
	trace_close(trace);
	return status;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/bench_transactions.XXXXXX";

	if (argc > 1)
		return run(argv[1], argc > 2 ? argv[2] : NULL);
	if (generated_trace_make(dir, argv[0]) != 0)
		return 1;
	int status = run(dir, NULL);
	generated_trace_remove(dir);
	return status;
}
