/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_names PID: the functions of a language runtime that a thread of a process is in, sample
 * after sample, one JSON object a line. The tool of the tests in this folder: it takes samples as
 * the helper does, with the same code, but as many and as quickly as it is told.
 *
 * -n COUNT       samples (1)
 * -i MILLIS      between them (0)
 * -t TID         the thread (the first one)
 * -e             lets the thread go before names are read
 * -r             does not stop it: reads twice
 * -c FIELD=N     another value in the layout of V8: how constants of a new version are found
 * -l             prints the layout of V8, and ends
 * -o FOLDER      writes what each sample read, for the fuzzer (record.h)
 *
 * Rules: as in runtimes.h. Linked with wrappers of ptrace() and stall_probe_read(), which measure
 * the stop and see the memory that is read.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

#include "layout_fields.h"
#include "observe/stall_probe.h"
#include "runtimes/runtimes.h"
#include "record.h"

#define STACK_BYTES 262144u

static struct {
	uint32_t pid, tid, count, pause_ms;
	bool is_early, is_running;
	const char *record;
} options = {.count = 1};

static struct {
	uint64_t interrupted_ns, gone_ns; /* the thread was stopped between */
	uint64_t walk_ns, lines_ns, prepare_ns;
	uint32_t reads, reads_failed, walk_reads, bytes;
} figures;

static struct script_stack scripts, again;
static struct runtime_thread thread;
static uint64_t words[STACK_BYTES / sizeof(uint64_t)];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- Wrappers -------------------------------------------------------------------------------- */

long __real_ptrace(enum __ptrace_request request, uint32_t tid, void *address, void *data);
long __wrap_ptrace(enum __ptrace_request request, uint32_t tid, void *address, void *data);
int64_t __real_stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes);
int64_t __wrap_stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes);

long __wrap_ptrace(enum __ptrace_request request, uint32_t tid, void *address, void *data)
{
	long result;

	if (request == PTRACE_INTERRUPT)
		figures.interrupted_ns = now_ns();
	result = __real_ptrace(request, tid, address, data);
	if (request == PTRACE_DETACH)
		figures.gone_ns = now_ns();
	return result;
}

int64_t __wrap_stall_probe_read(uint32_t pid, uint64_t address, void *to, uint64_t bytes)
{
	static bool is_nested; /* the recorder reads */
	int64_t got = __real_stall_probe_read(pid, address, to, bytes);

	if (is_nested)
		return got;
	figures.reads++;
	figures.reads_failed += got != (int64_t)bytes;
	figures.bytes += got > 0 ? (uint32_t)got : 0;
	is_nested = true;
	record_memory(pid, address, to, got);
	is_nested = false;
	return got;
}

/* ---- A sample -------------------------------------------------------------------------------- */

static void walk(void)
{
	uint64_t begin = now_ns();

	if (options.is_running)
		runtimes_walk_running(&thread, &scripts, &again);
	else
		runtimes_walk(&thread, &scripts);
	figures.walk_ns = now_ns() - begin;
	figures.walk_reads = figures.reads;
}

/* The stack is copied anew, and further than the helper does where it knows no callback. */
static void visit(const struct probe_target *at, const struct probe *probe)
{
	int64_t got = __real_stall_probe_read(at->pid, probe->sp, words, STACK_BYTES);

	thread = (struct runtime_thread){
	    .tid = at->tid,
	    .is_stopped = probe->register_count > 0,
	    .sp = probe->sp,
	    .pc = probe->pc,
	    .fp = probe->register_count > 0 ? probe->registers[6] : 0,
	    .thread_pointer = probe->thread_pointer,
	    .stack = words,
	    .stack_words = got > 0 ? (uint32_t)got / 8 : 0,
	};
	if (!options.is_early)
		walk();
}

static void text_print(const char *name, const char *text)
{
	printf("\"%s\":\"", name);
	for (; *text; text++)
		printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	printf("\",");
}

static void frame_print(const struct script_frame *frame)
{
	static const char *const kinds[] = {"function", "interpreted", "baseline", "maglev",
					    "turbofan", "builtin",     "regexp",   "exit",
					    "entry",	"python"};

	printf("{\"kind\":\"%s\",", kinds[frame->kind]);
	text_print("function", scripts.text + frame->function);
	text_print("file", scripts.text + frame->file);
	printf("\"line\":%u,\"first_line\":%u,\"flags\":%u,\"frame\":%" PRIu64 "}", frame->line,
	       frame->first_line, frame->flags, frame->frame);
}

static void print(const struct probe *probe)
{
	printf("{\"state\":\"%c\",\"stopped\":%s,\"moved\":%s,\"status\":%u,\"error\":%d,",
	       probe->state ? probe->state : '?', probe->register_count ? "true" : "false",
	       probe->moved ? "true" : "false", scripts.status, -probe->error);
	printf("\"pc\":\"%" PRIx64 "\",\"in_file\":%s,", thread.pc,
	       runtimes_in_file(thread.pc) ? "true" : "false");
	printf("\"exit_at\":%u,", v8_exit_at());
	printf("\"stop_ns\":%" PRIu64 ",\"walk_ns\":%" PRIu64 ",\"lines_ns\":%" PRIu64
	       ",\"prepare_ns\":%" PRIu64 ",\"reads\":%u,\"reads_failed\":%u,"
	       "\"walk_reads\":%u,\"bytes\":%u,",
	       figures.gone_ns - figures.interrupted_ns, figures.walk_ns, figures.lines_ns,
	       figures.prepare_ns, figures.reads, figures.reads_failed, figures.walk_reads,
	       figures.bytes);
	if (runtimes_note(0))
		text_print("note", runtimes_note(0));
	printf("\"frames\":[");
	for (uint32_t i = 0; i < scripts.count; i++) {
		printf(i ? "," : "");
		frame_print(&scripts.frames[i]);
	}
	printf("]}\n");
}

static void sample(void)
{
	static struct probe probe;
	struct probe_target at = {.pid = options.pid,
				  .tid = options.tid,
				  .may_stop = !options.is_running,
				  .visit = visit};
	uint64_t begin = now_ns();

	memset(&figures, 0, sizeof(figures));
	thread = (struct runtime_thread){.tid = options.tid};
	runtimes_prepare(options.pid, now_ns());
	layout_override();
	figures.prepare_ns = now_ns() - begin;
	figures.reads = figures.reads_failed = figures.bytes = 0;
	for (int tries = 0; tries < 2; tries++) { /* as the helper does */
		script_stack_clear(&scripts);
		record_begin();
		stall_probe_take(&at, &probe);
		if (!probe.moved)
			break;
	}
	if (options.is_early || options.is_running)
		walk();
	if (probe.moved) {
		script_stack_clear(&scripts);
		scripts.status = TRACE_SCRIPT_LOST;
	}
	begin = now_ns();
	runtimes_lines(&scripts);
	figures.lines_ns = now_ns() - begin;
	record_end(options.record, options.pid, &thread, &scripts);
	print(&probe);
}

static bool options_read(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:i:t:c:o:erl")) != -1) {
		switch (option) {
		case 'n':
			options.count = (uint32_t)atoi(optarg);
			break;
		case 'i':
			options.pause_ms = (uint32_t)atoi(optarg);
			break;
		case 't':
			options.tid = (uint32_t)atoi(optarg);
			break;
		case 'e':
			options.is_early = true;
			break;
		case 'r':
			options.is_running = true;
			break;
		case 'o':
			options.record = optarg;
			break;
		case 'l':
			layout_is_wanted = true;
			break;
		case 'c':
			if (!layout_set(optarg))
				return false;
			break;
		default:
			return false;
		}
	}
	options.pid = optind < argc ? (uint32_t)atoi(argv[optind]) : 0;
	options.tid = options.tid ? options.tid : options.pid;
	return options.pid != 0;
}

int main(int argc, char **argv)
{
	if (!options_read(argc, argv)) {
		fprintf(stderr, "usage: sample_names [-n COUNT] [-i MILLIS] [-t TID] [-e] [-r] "
				"[-l] [-c FIELD=N]... [-o FOLDER] PID\n");
		return 2;
	}
	if (layout_is_wanted) {
		runtimes_prepare(options.pid, now_ns());
		layout_override();
		layout_print();
		return 0;
	}
	record_begin();
	runtimes_prepare(options.pid, now_ns());
	record_opened();
	for (uint32_t i = 0; i < options.count; i++) {
		sample();
		fflush(stdout);
		if (i + 1 < options.count)
			usleep(options.pause_ms * 1000);
	}
	return 0;
}
