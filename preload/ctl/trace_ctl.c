/* SPDX-License-Identifier: Apache-2.0
 *
 * trace_ctl PID status|enable|disable|flush|rotate: the switches at run time, through the ring file
 * of the process. trace_ctl PID stack: what its threads are in now (stack.h). trace_ctl recover:
 * writes what dead processes left in their rings to files (orphans.c). trace_ctl rings: the ring
 * memory that a process would get (budget.c). trace_ctl program FILE: what can be seen of an
 * executable (program_check.c). It shares with the library the layout (shared.h), the switches
 * (control.c) and the options (config.c).
 *
 * Rules: only ring files that attach.c finds are opened; nothing in them is used unchecked. Exit
 * status: 0 done, 1 failed (one line says why), 2 bad usage.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observe/attach.h"
#include "program/budget.h"
#include "program/config.h"
#include "ring/control.h"
#include "drain/orphans.h"
#include "files/boot_id.h"
#include "files/proc_file.h"
#include "files/reason.h"
#include "ring/ring_file.h"
#include "program/ring_size.h"
#include "ring/shared.h"
#include "program/shm.h"
#include "dump.h"
#include "program_check.h"
#include "stack.h"
#include "target.h"
#include "format/trace_tables.h"
#include "format/version.h"

#define WAIT_MS 2000

static void usage(FILE *out)
{
	fputs(
	    "Usage: trace_ctl PID status|enable|disable|flush|rotate\n"
	    "       trace_ctl PID stack [--json]\n"
	    "       trace_ctl PID dump [--last=TIME] [--next=TIME] [--reason=TEXT]\n"
	    "       trace_ctl recover\n"
	    "       trace_ctl rings\n"
	    "       trace_ctl program FILE\n"
	    "Looks at a traced process, or switches its recording, from outside.\n"
	    "PID is as this shell sees it, also that of a container's process.\n"
	    "  status   print what each worker does, and how much is recorded and lost\n"
	    "  stack    print the stack of each loop and pool thread as it is now\n"
	    "  enable   switch recording on\n"
	    "  disable  switch recording off: callbacks run as without uvtrace\n"
	    "  flush    write what is recorded so far to the file, then return\n"
	    "  rotate   seal the current file and begin another, then return\n"
	    "  dump     write what the flight recorder has in memory (UVTRACE_WRITER=recorder): of "
	    "the\n"
	    "           last 30s, 5m, ...; all there is by default; wait for what comes next; "
	    "print where\n"
	    "  recover  write what programs that died with their drain left in memory, of the "
	    "trace of UVTRACE_PATH\n"
	    "  rings    print how much memory the rings of a program that is started here get\n"
	    "  program  print what can be seen of a libuv that is linked into that executable\n"
	    "  --help   print this help\n"
	    "  --version\n",
	    out);
}

static void print_worker(const struct target *target, uint32_t index)
{
	const char *role = trace_role_name(target->shared->rings[index].role);
	struct shared *shared = target->shared;
	struct shared_ring *ring = &shared->rings[index];
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
	uint64_t lost = 0;

	for (int i = 0; i < RING_LOST_CAUSES; i++)
		lost += atomic_load(&ring->lost[i]);
	printf("  worker %u (%s, tid %u, %.15s): ", ring->worker, role ? role : "?", ring->tid,
	       ring->name);
	if (ring->role == TRACE_ROLE_OTHER)
		printf("uv_async_send of threads that run no loop");
	else if (head)
		target_print_doing(target, target_doing(shared, index, head));
	else
		printf("nothing recorded yet");
	printf("; %" PRIu64 " events recorded, %" PRIu64 " lost, %" PRIu64 " not yet in a file\n",
	       head, lost, head - atomic_load(&ring->tail));
}

static int status(const struct target *target)
{
	static const char *const drains[] = {"not running", "starting", "running", "finished"};
	struct shared *shared = target->shared;
	uint32_t drain_state = atomic_load(&shared->drain_state);
	uint32_t drain_pid = atomic_load(&shared->drain_pid);

	printf("process %u", target->pid);
	if (shared->pid != target->pid)
		printf(" (process %u of its pid namespace, as all numbers below)", shared->pid);
	printf(": recording %s; libuv %u.%u.%u; writes %.*s\n",
	       atomic_load(&shared->enabled) ? "on" : "off", shared->libuv_version >> 16 & 0xff,
	       shared->libuv_version >> 8 & 0xff, shared->libuv_version & 0xff,
	       (int)sizeof(shared->options.path), shared->options.path);
	printf("  drain %s", drains[drain_state <= DRAIN_DONE ? drain_state : DRAIN_NONE]);
	if (drain_pid)
		printf(" (helper process %u)", drain_pid);
	printf("; %" PRIu64 " bytes written, %" PRIu64 " files sealed, %" PRIu64 " evicted\n",
	       atomic_load(&shared->bytes_written), atomic_load(&shared->segments_sealed),
	       atomic_load(&shared->evicted_segments));
	dump_print_status(shared);
	for (uint32_t i = 0; i < shared->ring_count; i++)
		if (atomic_load_explicit(&shared->rings[i].state, memory_order_acquire) ==
		    RING_LIVE)
			print_worker(target, i);
	if (atomic_load(&shared->untraced_threads) || atomic_load(&shared->untraced_callbacks))
		printf("  untraced: %" PRIu64 " threads, %" PRIu64 " callbacks\n",
		       atomic_load(&shared->untraced_threads),
		       atomic_load(&shared->untraced_callbacks));
	if (atomic_load(&shared->message_ready))
		printf("  %.*s\n", (int)sizeof(shared->message), shared->message);
	return 0;
}

static int enable(const struct target *target)
{
	control_enable(target->shared, true);
	return 0;
}

static int disable(const struct target *target)
{
	control_enable(target->shared, false);
	return 0;
}

static int not_written(const struct target *target)
{
	const struct shared *shared = target->shared;
	char text[sizeof(shared->message) + 1];

	if (!atomic_load(&shared->message_ready))
		return target_fail(target->pid, "the drain did not answer within 2 s");
	snprintf(text, sizeof(text), "%.*s", (int)sizeof(shared->message), shared->message);
	return target_fail(target->pid, text);
}

static int flush(const struct target *target)
{
	return control_flush(target->shared, WAIT_MS) ? not_written(target) : 0;
}

static int rotate(const struct target *target)
{
	return control_rotate(target->shared, WAIT_MS) ? not_written(target) : 0;
}

struct recovery {
	uint32_t drained, failed;
};

static const char *why(int error)
{
	switch (error) {
	case -ESTALE:
		return "it is from an earlier boot (analyze_trace reads it)";
	case -EPROTO:
		return "it is damaged";
	default:
		return reason_text(error);
	}
}

static void tell_recovered(const struct shared *ring, int error, void *arg)
{
	struct recovery *recovery = arg;

	if (!error && ring->options.writer == SHARED_WRITER_RECORDER)
		dump_tell_recovered(ring);
	else if (!error)
		printf("process %u: what it left is in %.*s now\n", ring->pid,
		       (int)sizeof(config.path), config.path);
	else if (error == -EXDEV)
		printf("process %u left a ring; its trace is another: UVTRACE_PATH=%s trace_ctl "
		       "recover\n",
		       ring->pid, ring->options.path);
	else
		fprintf(stderr, "trace_ctl: process %u left a ring, which stays: %s\n", ring->pid,
			why(error));
	recovery->drained += error == 0;
	recovery->failed += error != 0 && error != -EXDEV;
}

static int recover(void)
{
	static struct orphans_recoverer recoverer;
	struct recovery recovery = {0};

	signal(SIGIO, SIG_IGN); /* comes to whoever holds a lease */
	config_read();
	config_say_bad();
	if (!config.path[0]) {
		fputs("trace_ctl: the current directory is gone, and UVTRACE_PATH names none\n",
		      stderr);
		return 1;
	}
	shm_fill_options(&recoverer.options);
	boot_id_read(recoverer.boot_id);
	orphans_recover(&recoverer, &(struct orphans_visitor){tell_recovered, &recovery});
	if (!recovery.drained && !recovery.failed)
		printf("nothing to recover for %s\n", config.path);
	return recovery.failed > 0;
}

static void print_bytes(const char *before, uint64_t bytes, const char *after)
{
	bool mib = bytes >= 1 << 20;

	printf("%s%" PRIu64 " %s%s", before, bytes >> (mib ? 20 : 10), mib ? "MiB" : "KiB", after);
}

/* One line, with the memory limit in it where there is one. */
static int rings(void)
{
	uint64_t limit = budget_memory_limit(), total;
	struct ring_size rings = {0};

	config_read();
	total = ring_size_total(SHARED_DIR, limit);
	ring_size_choose(&rings, total);
	print_bytes("", total, " for all rings together");
	if (config.ring_total_bytes)
		printf(" (UVTRACE_RING_TOTAL)");
	else if (limit != UINT64_MAX)
		print_bytes(" (memory limit ", limit, ")");
	printf("; %" PRIu64 " workers at once, each", rings.count);
	print_bytes(" from ", rings.step, "");
	print_bytes(" to ", rings.bytes < total ? rings.bytes : total, "\n");
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct target *target);
	bool has_json; /* it takes --json */
} commands[] = {{"status", status, false},   {"stack", stack, true},  {"enable", enable, false},
		{"disable", disable, false}, {"flush", flush, false}, {"rotate", rotate, false},
		{"dump", dump, false}};

/* It has ended, and its parent has not waited for it. */
static bool is_zombie(uint32_t pid)
{
	char text[256];
	const char *end;

	if (proc_file_read_task(pid, pid, "stat", text, sizeof(text)) <= 0)
		return false;
	end = strrchr(text, ')');
	return end && (end[2] == 'Z' || end[2] == 'X');
}

/* What keeps us from its ring, as far as that is known. */
static int not_found(uint32_t pid, const struct attach_search *search)
{
	char text[256];

	switch (search->error) {
	case 0:
		break;
	case -ENOENT:
		return target_fail(pid, "traced, but its ring file is removed");
	case -EPERM:
	case -EACCES:
	case -EPROTO:
	case -ELOOP:
		return target_fail(
		    pid, "its ring file cannot be read: another user's process, or another "
			 "version of uvtrace");
	default:
		snprintf(text, sizeof(text), "its ring file cannot be read: %s",
			 strerror(-search->error));
		return target_fail(pid, text);
	}
	if (is_zombie(pid))
		return target_fail(pid, "has ended; its parent has not waited for it yet");
	if (!search->maps_error)
		return target_fail(pid, "not traced, or has not run a loop yet");
	snprintf(text, sizeof(text),
		 "no ring file of it is in " SHARED_DIR
		 " or where UVTRACE_PATH says, and what it has "
		 "mapped cannot be seen: %s",
		 strerror(-search->maps_error));
	return target_fail(pid, text);
}

/* Where what it has mapped is not for us to see, its trace may be where ours would be. */
static struct attach_search find(uint32_t pid)
{
	struct attach_search search = attach_find(pid, NULL);
	char *slash;

	if (search.shared || !search.maps_error)
		return search;
	config_read();
	slash = strrchr(config.path, '/');
	if (!slash)
		return search;
	*slash = '\0';
	return attach_find(pid, config.path);
}

static int run(uint32_t pid, const char *name, bool json)
{
	struct attach_search search;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0 || json > commands[i].has_json)
			continue;
		if (kill((pid_t)pid, 0) && errno == ESRCH)
			return target_fail(pid, "no such process");
		search = find(pid);
		if (!search.shared)
			return not_found(pid, &search);
		return commands[i].run(&(struct target){pid, search.shared, json});
	}
	fprintf(stderr, "trace_ctl: unknown command \"%s%s\"\nTry 'trace_ctl --help'.\n", name,
		json ? " --json" : "");
	return 2;
}

int main(int argc, char **argv)
{
	bool json;
	char *end;
	long pid;

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("trace_ctl (uvtrace) " UVTRACE_VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "recover") == 0)
		return recover();
	if (argc == 2 && strcmp(argv[1], "rings") == 0)
		return rings();
	if (argc == 3 && strcmp(argv[1], "program") == 0)
		return program_check(argv[2]);
	json = argc == 4 && strcmp(argv[3], "--json") == 0;
	if (argc > 3 && strcmp(argv[2], "dump") == 0) {
		if (!dump_options(argv + 3, argc - 3))
			return 2;
	} else if (argc != 3 && !json) {
		fputs("trace_ctl: needs a process id and a command\nTry 'trace_ctl --help'.\n",
		      stderr);
		return 2;
	}
	errno = 0;
	pid = strtol(argv[1], &end, 10);
	if (*end || end == argv[1] || errno || pid <= 0 || pid > INT_MAX) {
		fprintf(stderr, "trace_ctl: \"%s\" is not a process id\nTry 'trace_ctl --help'.\n",
			argv[1]);
		return 2;
	}
	return run((uint32_t)pid, argv[2], json);
}
