/* SPDX-License-Identifier: Apache-2.0
 *
 * See stack_internal.h. The file is removed before it is read: analyze_trace gets it as an open
 * descriptor. So nothing stays behind, however that ends.
 */
#include "stack_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "segment/segment.h"
#include "ring/clock.h"

#define ANALYZER	 "analyze_trace"
#define TRACE_NAME	 "stack"
#define TRACE_BYTES_MAX	 (64u << 20)
#define STATUS_NOT_FOUND 127

static struct segment segment;
static char dir[64];
static sigset_t signals_before;

/* ---- The trace ------------------------------------------------------------------------------- */

/* Where a private directory can be made. */
static bool folder_make(void)
{
	static const char *const places[] = {"/tmp", "/var/tmp", SHARED_DIR};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(dir, sizeof(dir), "%s/trace_ctl.%d.XXXXXX", places[i], (int)getpid());
		if (mkdtemp(dir))
			return true;
	}
	fprintf(stderr, "trace_ctl: no directory for the stacks can be made in /tmp: %s\n",
		strerror(errno));
	return false;
}

static void signals_hold(void)
{
	static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(&set, ending[i]);
	sigprocmask(SIG_BLOCK, &set, &signals_before);
}

static void path_of(char *path, size_t bytes, const char *ending)
{
	snprintf(path, bytes, "%s/" TRACE_NAME ".%u.%" PRIu64 ".bin%s", dir, segment.header.pid,
		 segment.writer.segment, ending);
}

static void folder_remove(void)
{
	static const char *const endings[] = {"", ".open"};
	char path[sizeof(dir) + 64];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		path_of(path, sizeof(path), endings[i]);
		unlink(path);
	}
	rmdir(dir);
	sigprocmask(SIG_SETMASK, &signals_before, NULL);
}

/* With the number that its thread has here. */
static void worker_put(const struct thread_sample *sample, uint64_t now_ns)
{
	const struct shared_ring *ring = sample->ring;
	uint32_t name_bytes = (uint32_t)strnlen(ring->name, sizeof(ring->name));
	uint32_t bytes = (uint32_t)sizeof(struct trace_worker_entry) + name_bytes;
	struct trace_worker_entry *entry;

	entry = entries_add(&segment, &segment.entries, &bytes, now_ns);
	if (!entry)
		return;
	entry->entry_bytes = bytes;
	entry->worker = sample->poll.worker;
	entry->tid = sample->at.tid;
	entry->role = (uint8_t)ring->role;
	entry->name_bytes = (uint8_t)name_bytes;
	entry->start_tick = ring->start_counter >> segment.header.unit_shift;
	memcpy(entry->name, ring->name, name_bytes);
}

/* The process is known by the number that was asked for, and the trace goes elsewhere than its own.
 */
static int segment_open(const struct target *target)
{
	struct shared_options options = {.writer = SHARED_WRITER_SINGLE,
					 .file_size_bytes = TRACE_BYTES_MAX,
					 .total_size_bytes = TRACE_BYTES_MAX};

	segment_init(&segment, target->shared, target->pid, 0);
	segment.header.pid = target->pid;
	snprintf(options.path, sizeof(options.path), "%s/" TRACE_NAME ".bin", dir);
	writer_init(&segment.writer, &options, target->pid);
	return segment_begin(&segment, clock_mono_ns());
}

static bool said(int error)
{
	char text[256];

	if (!error)
		return false;
	writer_explain(&segment.writer, error, text, sizeof(text));
	fprintf(stderr, "trace_ctl: %s\n", text);
	return true;
}

bool stack_trace_begin(const struct target *target)
{
	signals_hold();
	if (!folder_make()) {
		sigprocmask(SIG_SETMASK, &signals_before, NULL);
		return false;
	}
	if (!said(segment_open(target)))
		return true;
	folder_remove();
	return false;
}

void stack_trace_add(const struct thread_sample *sample)
{
	uint64_t now_ns = clock_mono_ns();

	entries_begin(&segment.entries, TRACE_BLOCK_WORKERS);
	worker_put(sample, now_ns);
	entries_flush(&segment, &segment.entries, now_ns);
	thread_sample_write(&segment, sample, now_ns);
}

int stack_trace_end(void)
{
	char path[sizeof(dir) + 64];
	uint64_t now_ns = clock_mono_ns();
	int trace = -1, error;

	segment_update_sites(&segment, now_ns);
	/* As of a program that is gone: readers then go by this file alone, and leave its ring. */
	segment_end(&segment, TRACE_SEAL_DIED, 0, 0, now_ns);
	error = segment.writer.error;
	path_of(path, sizeof(path), "");
	if (!said(error)) {
		trace = open(path, O_RDONLY | O_NOFOLLOW);
		if (trace < 0)
			fprintf(stderr, "trace_ctl: %s: %s\n", path, strerror(errno));
	}
	folder_remove();
	return trace;
}

/* ---- What it says ---------------------------------------------------------------------------- */

/* The program of that name beside this one; "" where there is none. */
static void path_beside(char *path, size_t bytes)
{
	ssize_t length = readlink("/proc/self/exe", path, bytes - sizeof("/" ANALYZER));
	char *slash;

	path[length > 0 ? length : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash)
		strcpy(slash + 1, ANALYZER);
	if (!slash || access(path, X_OK) != 0)
		path[0] = '\0';
}

/* In the child. */
static void analyzer_run(const char *path, int trace, bool json)
{
	char name[64], *arguments[] = {ANALYZER, NULL, name, NULL};

	arguments[1] = json ? "--format=stacks-json" : "--format=stacks";
	snprintf(name, sizeof(name), "/proc/self/fd/%d", trace);
	if (path[0])
		execv(path, arguments);
	else
		execvp(ANALYZER, arguments);
	_exit(STATUS_NOT_FOUND);
}

int stack_trace_explain(int trace, bool json)
{
	char path[4096];
	pid_t pid, waited;
	int status;

	path_beside(path, sizeof(path));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		analyzer_run(path, trace, json);
	if (pid < 0)
		return -errno;
	do
		waited = waitpid(pid, &status, 0);
	while (waited < 0 && errno == EINTR);
	if (waited < 0)
		return -errno;
	if (!WIFEXITED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status) == STATUS_NOT_FOUND ? -ENOENT : WEXITSTATUS(status);
}
