/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_to_jsonl IN [OUT]: a trace as JSON lines, one event a line, in order of time over all workers and
 * processes.
 *
 * Rules: a merge of the workers' streams by a heap, so memory does not grow with the trace; a worker's stream is
 * opened when its first event is due and closed after its last. Exit 0 when all was read and written, 1 when
 * something could not be (what could is there all the same), 2 for bad usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jsonl.h"
#include "tick_heap.h"
#include "version.h"

#define PROGRAM "trace_to_jsonl"

/* What one heap entry stands for: a worker, or (stream NULL, worker SIZE_MAX) a process' samples. */
struct source {
	size_t process, worker;
	struct jsonl_stream *stream;
};

struct conversion {
	struct trace *trace;
	struct jsonl_text out;
	struct jsonl_process *processes;
	struct jsonl_samples *samples;
	uint64_t *offsets_ns; /* a process: what makes times of several boots comparable */
	struct source *sources;
	size_t source_count;
	struct tick_heap heap;
	bool progress, incomplete;
};

static void usage(FILE *to)
{
	fputs("Usage: " PROGRAM " IN [OUT]\n"
	      "Writes the trace IN (a file, or a folder with the files of one or many processes) as JSON lines to OUT\n"
	      "(default: standard output): one event a line, in order of time.\n\n"
	      "  -h, --help     this text\n"
	      "  -V, --version  the version of uvtrace\n",
	      to);
}

static int bad_usage(const char *message)
{
	if (message)
		fprintf(stderr, PROGRAM ": %s\n", message);
	fputs("Try '" PROGRAM " --help'\n", stderr);
	return 2;
}

/* ---- Merging ---------------------------------------------------------------------------------------------- */

static bool boots_differ(const struct trace *trace)
{
	for (size_t i = 1; i < trace->process_count; i++)
		if (memcmp(trace->processes[i].boot_id, trace->processes[0].boot_id, 16) != 0)
			return true;
	return false;
}

static size_t count_sources(const struct trace *trace)
{
	size_t count = 0;

	for (size_t i = 0; i < trace->process_count; i++)
		count += trace->processes[i].worker_count + 1;
	return count;
}

static void add_source(struct conversion *conversion, size_t process, size_t worker, uint64_t ns)
{
	conversion->sources[conversion->source_count] = (struct source){process, worker, NULL};
	tick_heap_push(&conversion->heap, ns + conversion->offsets_ns[process], conversion->source_count++);
}

static int begin_process(struct conversion *conversion, size_t index)
{
	const struct trace_process *process = &conversion->trace->processes[index];
	uint64_t ns;
	int error = jsonl_process_init(&conversion->processes[index], process, &conversion->out,
				       conversion->trace->process_count > 1);

	if (error)
		return error;
	if (boots_differ(conversion->trace))
		conversion->offsets_ns[index] = process->start_real_ns - process->start_mono_ns;
	jsonl_trace_start(&conversion->processes[index], conversion->trace);
	for (size_t i = 0; i < process->worker_count; i++)
		add_source(conversion, index, i, jsonl_stream_start_ns(process, &process->workers[i]));
	if (jsonl_samples_begin(&conversion->samples[index], &conversion->processes[index], &ns))
		add_source(conversion, index, SIZE_MAX, ns);
	return 0;
}

static int begin_all(struct conversion *conversion)
{
	size_t processes = conversion->trace->process_count, sources = count_sources(conversion->trace);
	int error = 0;

	conversion->processes = calloc(processes + 1, sizeof(*conversion->processes));
	conversion->samples = calloc(processes + 1, sizeof(*conversion->samples));
	conversion->offsets_ns = calloc(processes + 1, sizeof(*conversion->offsets_ns));
	conversion->sources = calloc(sources + 1, sizeof(*conversion->sources));
	conversion->heap.entries = calloc(sources + 1, sizeof(*conversion->heap.entries));
	if (!conversion->processes || !conversion->samples || !conversion->offsets_ns || !conversion->sources ||
	    !conversion->heap.entries)
		return -ENOMEM;
	for (size_t i = 0; !error && i < processes; i++)
		error = begin_process(conversion, i);
	return error;
}

static void end_all(struct conversion *conversion)
{
	for (size_t i = 0; conversion->sources && i < conversion->source_count; i++)
		jsonl_stream_close(conversion->sources[i].stream);
	for (size_t i = 0; conversion->processes && i < conversion->trace->process_count; i++)
		jsonl_process_free(&conversion->processes[i]);
	free(conversion->processes);
	free(conversion->samples);
	free(conversion->offsets_ns);
	free(conversion->sources);
	free(conversion->heap.entries);
}

static void end_stream(struct conversion *conversion, struct source *source)
{
	const char *problem = jsonl_stream_problem(source->stream);

	if (problem) {
		fprintf(stderr, PROGRAM ": %s\n", problem);
		conversion->incomplete = true;
	}
	jsonl_stream_close(source->stream);
	source->stream = NULL;
}

/* Writes one source's next event. False: it has no more. Returns -ENOMEM through *error. */
static bool write_next(struct conversion *conversion, struct source *source, uint64_t *ns, int *error)
{
	if (source->worker == SIZE_MAX)
		return jsonl_samples_write(&conversion->samples[source->process], ns);
	if (!source->stream) {
		source->stream = jsonl_stream_open(conversion->trace, source->process, source->worker,
						   &conversion->processes[source->process], ns);
		*error = source->stream ? 0 : -ENOMEM;
		return source->stream;
	}
	if (jsonl_stream_write(source->stream, ns))
		return true;
	end_stream(conversion, source);
	return false;
}

static void show_progress(const char *what, uint64_t done, uint64_t total)
{
	fprintf(stderr, "\r" PROGRAM ": %s %3u %%", what, total ? (unsigned)(100.0 * done / total) : 100);
	if (done >= total)
		fputs("\r\033[K", stderr);
}

static int merge(struct conversion *conversion)
{
	uint64_t total = 0, written = 0;
	int error = 0;

	for (size_t i = 0; i < conversion->trace->process_count; i++)
		total += conversion->trace->processes[i].events;
	while (!error && !conversion->out.error && conversion->heap.count > 0) {
		struct source *source = &conversion->sources[conversion->heap.entries[0].position];
		uint64_t ns;

		if (write_next(conversion, source, &ns, &error))
			tick_heap_move_top(&conversion->heap, ns + conversion->offsets_ns[source->process]);
		else
			tick_heap_pop(&conversion->heap);
		if (conversion->progress && ++written % 1000000 == 0 && written < total)
			show_progress("writing", written, total);
	}
	if (conversion->progress && written >= 1000000)
		show_progress("writing", total, total);
	return error;
}

static int convert(struct conversion *conversion)
{
	int error = begin_all(conversion);

	if (!error)
		error = merge(conversion);
	jsonl_flush(&conversion->out);
	end_all(conversion);
	return error ? error : conversion->out.error;
}

/* ---- The command ------------------------------------------------------------------------------------------ */

static void scan_progress(void *arg, uint64_t done, uint64_t total)
{
	const struct conversion *conversion = arg;

	if (conversion->progress)
		show_progress("reading", done, total);
}

static int could_not(const char *what, int error)
{
	fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(-error));
	return 1;
}

static bool same_file(const char *a, const char *b)
{
	struct stat status_a, status_b;

	return stat(a, &status_a) == 0 && stat(b, &status_b) == 0 && status_a.st_dev == status_b.st_dev &&
	       status_a.st_ino == status_b.st_ino;
}

static int open_out(struct conversion *conversion, const char *in, const char *out)
{
	conversion->out.fd = STDOUT_FILENO;
	if (!out || strcmp(out, "-") == 0)
		return 0;
	if (same_file(in, out))
		return -EEXIST;
	conversion->out.fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return conversion->out.fd < 0 ? -errno : 0;
}

static void tell_problems(const struct trace *trace)
{
	for (size_t i = 0; i < trace->problem_count; i++)
		fprintf(stderr, PROGRAM ": %s\n", trace->problems[i]);
}

static int run(const char *in, const char *out)
{
	struct conversion *conversion = calloc(1, sizeof(*conversion));
	int error, status;

	if (!conversion)
		return could_not(in, -ENOMEM);
	conversion->progress = isatty(STDERR_FILENO);
	conversion->trace = trace_open(&in, 1, scan_progress, conversion);
	if (!conversion->trace) {
		free(conversion);
		return could_not(in, -ENOMEM);
	}
	tell_problems(conversion->trace);
	status = conversion->trace->problem_count > 0 || conversion->trace->process_count == 0;
	error = open_out(conversion, in, out);
	if (!error)
		error = convert(conversion);
	if (conversion->out.fd > STDERR_FILENO && close(conversion->out.fd) != 0 && !error)
		error = -errno;
	if (error)
		could_not(out ? out : "standard output", error);
	status |= error || conversion->incomplete;
	trace_close(conversion->trace);
	free(conversion);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts(PROGRAM " " UVTRACE_VERSION);
			return 0;
		default:
			return bad_usage(NULL);
		}
	}
	if (argc - optind < 1)
		return bad_usage("which trace?");
	if (argc - optind > 2)
		return bad_usage("too many arguments");
	return run(argv[optind], argv[optind + 1]);
}
