/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_decode [TRACE]: how many events a second one core decodes, from blocks that lie in memory
 * already (the page cache), through trace_cursor_read(). Without an argument it makes a trace of
 * its own with generate_trace.
 *
 * One line: figure, target, whether it was reached. The best of some runs counts: others share the
 * machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "generated_trace.h"
#include "trace/reader.h"

#define RUNS   7
#define ITEMS  1024
#define TARGET 300e6

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* What an item stands for: the second one, inside a poll, is an item of its own. */
static uint64_t item_records(const struct trace_item *item)
{
	return item->shape == TRACE_SHAPE_INSTANT ? 1 : 2;
}

static uint64_t decode_worker(struct trace *trace, size_t process, size_t worker,
			      uint64_t *checksum)
{
	static struct trace_item items[ITEMS];
	struct trace_cursor *cursor = trace_cursor_open(trace, process, worker);
	uint64_t records = 0;
	size_t count;

	while (cursor && (count = trace_cursor_read(cursor, UINT64_MAX, items, ITEMS)) > 0)
		for (size_t i = 0; i < count; i++) {
			records += item_records(&items[i]);
			*checksum += items[i].duration;
		}
	trace_cursor_close(cursor);
	return records;
}

static uint64_t decode_all(struct trace *trace, uint64_t *checksum)
{
	uint64_t records = 0;

	for (size_t process = 0; process < trace->process_count; process++)
		for (size_t worker = 0; worker < trace->processes[process].worker_count; worker++)
			records += decode_worker(trace, process, worker, checksum);
	return records;
}

static uint64_t count_events(const struct trace *trace)
{
	uint64_t events = 0;

	for (size_t i = 0; i < trace->process_count; i++)
		events += trace->processes[i].events;
	return events;
}

static int measure(const char *path)
{
	double open_s = now_s(), best_s = 1e9;
	struct trace *trace = trace_open(&path, 1, NULL, NULL);
	uint64_t events, checksum = 0;
	struct rusage usage;

	open_s = now_s() - open_s;
	if (!trace || trace->process_count == 0)
		return 1;
	events = count_events(trace);
	for (int run = 0; run < RUNS; run++) {
		double start_s = now_s();

		if (decode_all(trace, &checksum) != events)
			return 1;
		start_s = now_s() - start_s;
		best_s = start_s < best_s ? start_s : best_s;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("decode: %.0f M events/s a core, %.2f bytes an event, %.2f GB/s (target %.0f M: "
	       "%s); scan %.2f GB/s; "
	       "%ld KiB at most; checksum %llx\n",
	       events / best_s / 1e6, (double)trace->bytes / events, trace->bytes / best_s / 1e9,
	       TARGET / 1e6, events / best_s >= TARGET ? "reached" : "not reached",
	       trace->bytes / open_s / 1e9, usage.ru_maxrss, (unsigned long long)checksum);
	trace_close(trace);
	return 0;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/bench_decode.XXXXXX";
	int status;

	if (argc > 1)
		return measure(argv[1]);
	if (generated_trace_make(dir, argv[0]) != 0)
		return 1;
	status = measure(dir);
	generated_trace_remove(dir);
	return status;
}
