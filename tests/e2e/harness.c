/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole-program tests' places and programs (harness.h).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

extern char **environ;

static char dir[PATH_MAX];
static struct timespec began; /* the test, by the clock of files' times */

/* ---- Places ---------------------------------------------------------------------------------- */

void harness_enter(void)
{
	const char *parent = getenv("TMPDIR");

	clock_gettime(CLOCK_REALTIME_COARSE, &began);
	snprintf(dir, sizeof(dir), "%s/uvtrace-test.XXXXXX", parent ? parent : "/tmp");
	cr_assert_not_null(mkdtemp(dir), "%s: %s", dir, strerror(errno));
	cr_assert_eq(chdir(dir), 0);
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

void harness_leave(void)
{
	if (chdir("/") == 0)
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* The tests lie in the build directory, and that one lies in the source tree. */
static const char *beside(const char *up, const char *name)
{
	char self[PATH_MAX] = "", path[PATH_MAX + 256];
	char *resolved;

	cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s%s/%s", self, up, name);
	resolved = strdup(path);
	cr_assert_not_null(resolved);
	return resolved;
}

/* HARNESS_FIXTURES names a folder with other builds of the fixtures, where it has this one. */
static const char *other_fixture(const char *name)
{
	const char *folder = getenv("HARNESS_FIXTURES"), *path;
	char other[256];

	if (!folder || strncmp(name, "fixtures/", strlen("fixtures/")) != 0)
		return NULL;
	snprintf(other, sizeof(other), "%s/%s", folder, name + strlen("fixtures/"));
	path = beside("", other);
	return path && access(path, X_OK) == 0 ? path : NULL;
}

const char *build_path(const char *name)
{
	const char *other = other_fixture(name);

	return other ? other : beside("", name);
}

const char *source_path(const char *name)
{
	return beside("/..", name);
}

/* ---- Programs -------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Programs that were built for another kind of machine are run by HARNESS_EMULATOR (qemu's), which
 * hands on the preload; helper processes it cannot make. NULL: they are built for this one. */
static const char *emulator(void)
{
	return getenv("HARNESS_EMULATOR");
}

static bool is_emulated(const char *program)
{
	return emulator() && (strstr(program, "/fixtures/") || strstr(program, "/examples/"));
}

/* Our own environment without what is about tracing, then what the run asks for. */
static char **make_environment(const struct run *run)
{
	size_t count = 0;
	char **entries, *preload;

	while (environ[count])
		count++;
	entries = calloc(count + HARNESS_ARGS_MAX + 3, sizeof(*entries));
	count = 0;
	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, "UVTRACE_", 8) != 0 && strncmp(*entry, "LD_PRELOAD=", 11) != 0)
			entries[count++] = *entry;
	if (!run->bare &&
	    asprintf(&preload, "%sLD_PRELOAD=%s", is_emulated(run->program) ? "QEMU_SET_ENV=" : "",
		     build_path("libtrace.so")) > 0)
		entries[count++] = preload;
	for (int i = 0; i < HARNESS_ARGS_MAX && run->env[i]; i++)
		entries[count++] = (char *)run->env[i];
	if (is_emulated(run->program))
		entries[count++] = (char *)"UVTRACE_DRAIN=thread"; /* the first of a name counts */
	return entries;
}

/* As for a program that somebody starts at a terminal: what a shell runs in the background ignores
 * some. */
static void reset_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
}

static void exec_child(const struct run *run, const int *input, const int *output,
		       const int *errors)
{
	char *argv[HARNESS_ARGS_MAX + 3];
	char **environment = make_environment(run); /* before /proc may be taken away */
	size_t count = 0;

	if (is_emulated(run->program))
		argv[count++] = (char *)emulator();
	argv[count++] = (char *)run->program;
	for (int i = 0; i < HARNESS_ARGS_MAX && run->args[i]; i++)
		argv[count++] = (char *)run->args[i];
	argv[count] = NULL;
	dup2(input[0], 0);
	dup2(output[1], 1);
	if (errors)
		dup2(errors[1], 2);
	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* where the test fails, the program does not stay */
	if (run->prepare && run->prepare() != 0)
		_exit(126);
	execvpe(argv[0], argv, environment);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void make_pipe(int *fds)
{
	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
}

/* Appends what there is to read; false at the end of file. */
static bool read_more(int fd, char **text, size_t *bytes)
{
	char buffer[65536];
	ssize_t count = read(fd, buffer, sizeof(buffer));

	if (count <= 0)
		return false;
	*text = realloc(*text, *bytes + (size_t)count + 1);
	cr_assert_not_null(*text);
	memcpy(*text + *bytes, buffer, (size_t)count);
	*bytes += (size_t)count;
	(*text)[*bytes] = '\0';
	return true;
}

/* Reads both until both are at their end; false when the time is over first. */
static bool collect(int output, int errors, struct result *result, uint64_t until_ms)
{
	struct pollfd fds[2] = {{.fd = output, .events = POLLIN}, {.fd = errors, .events = POLLIN}};
	size_t bytes[2] = {0, 0};
	char **texts[2] = {&result->out, &result->err};

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		int left_ms = (int)(until_ms - now_ms());

		if (left_ms <= 0 || poll(fds, 2, left_ms) <= 0)
			return false;
		for (int i = 0; i < 2; i++)
			if (fds[i].fd >= 0 && fds[i].revents &&
			    !read_more(fds[i].fd, texts[i], &bytes[i]))
				fds[i].fd = -1;
	}
	return true;
}

static int status_of(pid_t pid)
{
	int status;

	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

struct result run_program(const struct run *run)
{
	struct result result = {.out = calloc(1, 1), .err = calloc(1, 1)};
	uint64_t until_ms = now_ms() + HARNESS_TIMEOUT_S * 1000;
	int input[2], output[2], errors[2];
	bool done;

	make_pipe(input);
	make_pipe(output);
	make_pipe(errors);
	result.pid = fork();
	cr_assert_geq(result.pid, 0);
	if (result.pid == 0)
		exec_child(run, input, output, errors);
	close(input[0]);
	close(output[1]);
	close(errors[1]);
	if (run->input)
		cr_expect_eq(write(input[1], run->input, strlen(run->input)),
			     (ssize_t)strlen(run->input));
	close(input[1]);
	done = collect(output[0], errors[0], &result, until_ms);
	if (!done)
		kill(result.pid, SIGKILL);
	result.status = status_of(result.pid);
	if (!done)
		result.status = -1;
	close(output[0]);
	close(errors[0]);
	return result;
}

void result_free(struct result *result)
{
	free(result->out);
	free(result->err);
}

struct result run_well(const struct run *run)
{
	struct result result = run_program(run);

	cr_assert_eq(result.status, 0, "%s: status %d: %s", run->program, result.status,
		     result.err);
	cr_assert_str_empty(result.err, "%s says: %s", run->program, result.err);
	cr_assert(wait_for_drain(result.pid), "%s: its ring is still there", run->program);
	return result;
}

struct session session_start(const struct run *run)
{
	struct session session = {.out = calloc(1, 1)};
	int input[2], output[2];

	make_pipe(input);
	make_pipe(output);
	session.pid = fork();
	cr_assert_geq(session.pid, 0);
	if (session.pid == 0)
		exec_child(run, input, output, NULL);
	close(input[0]);
	close(output[1]);
	session.input = input[1];
	session.output = output[0];
	return session;
}

static bool answered(const struct session *session, size_t from, const char *answer)
{
	const char *line = session->out + from;

	for (; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, answer, strlen(answer)) == 0 && strchr(line, '\n'))
			return true;
	}
	return false;
}

void session_say(struct session *session, const char *line, const char *answer)
{
	uint64_t until_ms = now_ms() + HARNESS_TIMEOUT_S * 1000;
	struct pollfd fd = {.fd = session->output, .events = POLLIN};
	size_t from = session->out_bytes;

	cr_assert_gt(dprintf(session->input, "%s\n", line), 0);
	while (answer && !answered(session, from, answer)) {
		int left_ms = (int)(until_ms - now_ms());

		cr_assert(left_ms > 0 && poll(&fd, 1, left_ms) > 0, "no answer to \"%s\"", line);
		cr_assert(read_more(session->output, &session->out, &session->out_bytes),
			  "ended at \"%s\"", line);
	}
}

int session_end(struct session *session)
{
	close(session->input);
	while (read_more(session->output, &session->out, &session->out_bytes))
		;
	close(session->output);
	return status_of(session->pid);
}

bool wait_until(bool (*check)(void *arg), void *arg)
{
	struct timespec pause = {0, 5000000};

	for (int i = 0; i < 2000; i++) {
		if (check(arg))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool is_old_ring(const char *path)
{
	struct stat stat_of;

	if (stat(path, &stat_of) != 0)
		return false;
	return stat_of.st_ctim.tv_sec < began.tv_sec ||
	       (stat_of.st_ctim.tv_sec == began.tv_sec && stat_of.st_ctim.tv_nsec < began.tv_nsec);
}

size_t rings_find(pid_t pid, glob_t *rings)
{
	char pattern[64];
	size_t count = 0;

	*rings = (glob_t){0};
	snprintf(pattern, sizeof(pattern), "/dev/shm/uvtrace.%d.*", (int)pid);
	if (glob(pattern, 0, NULL, rings) != 0)
		return 0;
	for (size_t i = 0; i < rings->gl_pathc; i++) {
		char *path = rings->gl_pathv[i];

		if (is_old_ring(path))
			continue;
		rings->gl_pathv[i] = rings->gl_pathv[count];
		rings->gl_pathv[count++] = path;
	}
	return count;
}

bool has_ring(pid_t pid)
{
	glob_t rings;
	size_t count = rings_find(pid, &rings);

	globfree(&rings);
	return count > 0;
}

static bool ring_gone(void *arg)
{
	return !has_ring(*(pid_t *)arg);
}

bool wait_for_drain(pid_t pid)
{
	return wait_until(ring_gone, &pid);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static size_t visit_files(const char *path, const char *part, uint64_t *bytes)
{
	DIR *opened_dir = opendir(path);
	size_t count = 0;
	struct stat stat;

	if (!opened_dir)
		return 0;
	for (struct dirent *entry = readdir(opened_dir); entry; entry = readdir(opened_dir)) {
		if (entry->d_name[0] == '.' || !strstr(entry->d_name, part))
			continue;
		count++;
		if (fstatat(dirfd(opened_dir), entry->d_name, &stat, 0) == 0)
			*bytes += (uint64_t)stat.st_size;
	}
	closedir(opened_dir);
	return count;
}

size_t count_files(const char *path, const char *part)
{
	uint64_t bytes = 0;

	return visit_files(path, part, &bytes);
}

uint64_t sum_files(const char *path, const char *part)
{
	uint64_t bytes = 0;

	visit_files(path, part, &bytes);
	return bytes;
}
