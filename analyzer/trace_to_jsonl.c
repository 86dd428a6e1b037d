/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_to_jsonl IN [OUT]: a trace as JSON lines, one event a line, in order of time over all
 * workers and processes. The command; the work is done by jsonl_convert().
 *
 * Rules: exit 0 when all was read and written, 1 when something could not be (what could is there
 * all the same), 2 for bad usage.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jsonl/jsonl.h"
#include "ring/shared.h"
#include "format/version.h"

#define PROGRAM "trace_to_jsonl"

struct job {
	const char *in, *out;
	struct json_out text;
	bool progress, incomplete, transactions;
};

static void usage(FILE *to)
{
	fputs("Usage: " PROGRAM " [--transactions] IN [OUT]\n"
	      "Writes the trace IN (a file, or a directory with the files of one or many "
	      "processes) as JSON lines to\n"
	      "OUT (default: standard output): one event a line, in the order of time.\n\n"
	      "  -t, --transactions  each PollStart says which transaction it is part of, and "
	      "which callback led to\n"
	      "                      it (reads the trace twice)\n"
	      "  -h, --help          print this help\n"
	      "  -V, --version       print the version\n\n"
	      "Exit status: 0 all is read and written; 1 something could not be read or written "
	      "(each problem is a\n"
	      "line on standard error; the rest is written); 2 bad usage.\n",
	      to);
}

static int bad_usage(const char *message)
{
	if (message)
		fprintf(stderr, PROGRAM ": %s\n", message);
	fputs("Try '" PROGRAM " --help'.\n", stderr);
	return 2;
}

/* ---- What the user is told ------------------------------------------------------------------- */

static void show_progress(const char *what, uint64_t done, uint64_t total)
{
	fprintf(stderr, "\r" PROGRAM ": %s %3u %%", what,
		total ? (unsigned)(100.0 * done / total) : 100);
	if (done >= total)
		fputs("\r\033[K", stderr);
}

static void reading_progress(void *arg, uint64_t done, uint64_t total)
{
	const struct job *job = arg;

	if (job->progress)
		show_progress("reading", done, total);
}

static void writing_progress(void *arg, uint64_t done, uint64_t total)
{
	const struct job *job = arg;

	if (job->progress)
		show_progress("writing", done, total);
}

static void tell_problem(void *arg, const char *problem)
{
	struct job *job = arg;

	fprintf(stderr, PROGRAM ": %s\n", problem);
	job->incomplete = true;
}

static int could_not(const char *what, int error)
{
	fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(-error));
	return 1;
}

static bool same_file(const char *a, const char *b)
{
	struct stat status_a, status_b;

	return stat(a, &status_a) == 0 && stat(b, &status_b) == 0 &&
	       status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

/* A shell makes IN and OUT of "trace.*.bin": what is there is not written over. */
static bool is_trace(const char *path)
{
	static const struct {
		const char *bytes;
		size_t count;
	} starts[] = {
	    {TRACE_MAGIC, 8}, {SHARED_MAGIC, 8}, {"\x1f\x8b", 2}, {"\x28\xb5\x2f\xfd", 4}};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char start[8] = "";
	ssize_t got = fd < 0 ? 0 : read(fd, start, sizeof(start));
	bool found = false;

	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		found |= got >= (ssize_t)starts[i].count &&
			 memcmp(start, starts[i].bytes, starts[i].count) == 0;
	return found;
}

static bool is_regular(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static int open_out(struct job *job)
{
	job->text.fd = STDOUT_FILENO;
	if (!job->out || strcmp(job->out, "-") == 0)
		return 0;
	job->text.fd = open(job->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return job->text.fd < 0 ? -errno : 0;
}

static int convert(struct job *job, struct trace *trace)
{
	struct jsonl_watcher watcher = {tell_problem, writing_progress, job};
	int error = open_out(job);

	if (error)
		return error;
	error = jsonl_convert(trace, &job->text, &watcher, job->transactions);
	if (job->text.fd != STDOUT_FILENO && close(job->text.fd) != 0 && !error)
		error = -errno;
	return error;
}

static int run(struct job *job)
{
	struct trace *trace = trace_open(&job->in, 1, reading_progress, job);
	int error;

	if (!trace)
		return could_not(job->in, -ENOMEM);
	for (size_t i = 0; i < trace->problem_count; i++)
		tell_problem(job, trace->problems[i]);
	error = trace->process_count > 0 ? convert(job, trace) : 0;
	job->incomplete |= trace->process_count == 0;
	trace_close(trace);
	if (error)
		return could_not(job->out ? job->out : "standard output", error);
	return job->incomplete;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"transactions", no_argument, NULL, 't'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'V'},
						{0}};
	static struct job job;
	int option;

	while ((option = getopt_long(argc, argv, "thV", options, NULL)) != -1) {
		switch (option) {
		case 't':
			job.transactions = true;
			break;
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
		return bad_usage("no trace is given");
	if (argc - optind > 2)
		return bad_usage("too many arguments");
	job.in = argv[optind];
	job.out = argv[optind + 1];
	if (job.out && same_file(job.in, job.out))
		return bad_usage("OUT is the trace itself");
	if (job.out && is_regular(job.out) && is_trace(job.out))
		return bad_usage("OUT is a trace too; of several files, name the directory");
	job.progress = isatty(STDERR_FILENO);
	return run(&job);
}
