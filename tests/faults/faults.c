/* SPDX-License-Identifier: Apache-2.0
 *
 * See faults.h.
 */
#include "faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fixtures/faults/fault.h"

const char *const fault_mode_names[FAULT_MODES] = {"process", "thread"};
const char *const fault_mode_settings[FAULT_MODES] = {"UVTRACE_DRAIN=process",
						      "UVTRACE_DRAIN=thread"};

/* ---- Truth ----------------------------------------------------------------------------------- */

struct fault_truth fault_truth_read(void)
{
	struct fault_counts counts = {0};
	struct fault_truth truth = {0};
	int fd = open("counts", O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0, "the program counted nothing");
	/* Read, not mapped: the program may have been killed before it gave the file its size. */
	cr_assert_geq(read(fd, &counts, sizeof(counts)), 0);
	close(fd);
	for (size_t i = 0; i < FAULT_SLOTS && counts.slots[i].pid; i++) {
		size_t at = 0;

		while (at < truth.count && truth.processes[at].pid != counts.slots[i].pid)
			at++;
		truth.processes[at].pid = counts.slots[i].pid;
		truth.processes[at].started += counts.slots[i].started;
		truth.processes[at].finished += counts.slots[i].finished;
		truth.count += at == truth.count;
	}
	return truth;
}

/* ---- Processes ------------------------------------------------------------------------------- */

/* Whether that process has a file mapped whose path contains `part`. */
static bool process_maps(pid_t pid, const char *part)
{
	char path[64], line[8192];
	bool mapped = false;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && !mapped && fgets(line, sizeof(line), maps))
		mapped = strstr(line, part) != NULL;
	if (maps)
		fclose(maps);
	return mapped;
}

static bool is_helper(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	comm = fopen(path, "re");
	if (!comm)
		return false;
	if (!fgets(name, sizeof(name), comm))
		name[0] = 0;
	fclose(comm);
	return strcmp(name, "uvtrace-drain\n") == 0;
}

pid_t fault_helper_of(pid_t pid)
{
	char part[64];
	pid_t found = 0;
	DIR *proc = opendir("/proc");

	snprintf(part, sizeof(part), "/uvtrace.%d.", (int)pid);
	for (struct dirent *entry = readdir(proc); entry && !found; entry = readdir(proc)) {
		pid_t candidate = atoi(entry->d_name);

		if (candidate > 0 && candidate != pid && is_helper(candidate) &&
		    process_maps(candidate, part))
			found = candidate;
	}
	closedir(proc);
	return found;
}

static bool has_helper(void *arg)
{
	return fault_helper_of(*(pid_t *)arg) != 0;
}

pid_t fault_wait_for_helper(pid_t pid)
{
	cr_assert(wait_until(has_helper, &pid), "no helper was made");
	return fault_helper_of(pid);
}

bool fault_has_ended(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (!stat)
		return true;
	if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(stat);
	return state == 'Z' || state == 'X';
}

void fault_sleep_us(unsigned us)
{
	struct timespec pause = {us / 1000000, us % 1000000 * 1000L};

	nanosleep(&pause, NULL);
}

/* ---- Rings ----------------------------------------------------------------------------------- */

static size_t count_rings(uint32_t pid)
{
	glob_t rings;
	size_t count = rings_find((pid_t)pid, &rings);

	globfree(&rings);
	return count;
}

void fault_remove_rings(const struct fault_truth *truth)
{
	for (size_t i = 0; i < truth->count; i++) {
		glob_t rings;
		size_t count = rings_find((pid_t)truth->processes[i].pid, &rings);

		for (size_t ring = 0; ring < count; ring++)
			unlink(rings.gl_pathv[ring]);
		globfree(&rings);
	}
}

/* A helper that has only just been made is known by nothing but the ring that it will remove. */
static size_t rings_left(const struct fault_truth *truth)
{
	size_t left = 0;

	for (size_t i = 0; i < truth->count; i++)
		left += count_rings(truth->processes[i].pid);
	return left;
}

void fault_check_gone(const struct fault_truth *truth, bool rings_stay, const char *what)
{
	pid_t helper = 0;
	size_t left = 0;

	for (int tries = 0; tries < 500; tries++, fault_sleep_us(10000)) {
		helper = 0;
		for (size_t i = 0; i < truth->count && !helper; i++)
			helper = fault_helper_of((pid_t)truth->processes[i].pid);
		left = rings_stay ? 0 : rings_left(truth);
		if (!helper && !left)
			break;
	}
	cr_assert_eq(helper, 0, "%s: helper %d is alive five seconds later", what, (int)helper);
	cr_expect_eq(left, 0, "%s: %zu rings are left", what, left);
}

/* ---- Traces ---------------------------------------------------------------------------------- */

json_t *fault_analyze(const struct fault_truth *truth)
{
	struct run run = {.program = build_path("analyze_trace"),
			  .args = {"--json", "--top=100000"},
			  .bare = true};
	struct result result;
	json_t *report;
	int count = 2;

	if (count_files("uvtrace.data", ".bin"))
		run.args[count++] = "uvtrace.data";
	for (size_t i = 0; i < truth->count; i++) {
		glob_t rings; /* leaked: the arguments point into it */
		size_t found = rings_find((pid_t)truth->processes[i].pid, &rings);

		for (size_t ring = 0; ring < found && count < HARNESS_ARGS_MAX - 1; ring++)
			run.args[count++] = rings.gl_pathv[ring];
	}
	if (count == 2)
		return NULL;
	result = run_program(&run);
	cr_assert_eq(result.status, 0, "analyze_trace: status %d: %s", result.status, result.err);
	report = json_loads(result.out, 0, NULL);
	cr_assert_not_null(report, "analyze_trace: not JSON: %.200s", result.out);
	result_free(&result);
	return report;
}

json_t *fault_process_of(json_t *report, uint32_t pid, size_t nth)
{
	json_t *processes = json_object_get(report, "processes");

	if (!processes)
		return report && event_number(report, "pid") == pid && nth == 0 ? report : NULL;
	for (size_t i = 0; i < json_array_size(processes); i++) {
		json_t *process = json_array_get(processes, i);

		if (event_number(process, "pid") == pid && nth-- == 0)
			return process;
	}
	return NULL;
}

struct found {
	uint64_t ended, open, lost, missing, untraced;
	size_t images;
};

static uint64_t sum_counted(const json_t *list, bool by_count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *entry = json_array_get(list, i);

		if (strncmp(event_text(entry, "callback"), "counted_", 8) == 0)
			sum += by_count ? event_number(entry, "count") : 1;
	}
	return sum;
}

/* All program images of one pid together: exec keeps it. */
static struct found found_read(json_t *report, uint32_t pid)
{
	struct found found = {0};
	json_t *process;

	while ((process = fault_process_of(report, pid, found.images)) != NULL) {
		const json_t *untraced = json_object_get(process, "untraced");

		found.images++;
		found.ended += sum_counted(json_object_get(process, "callbacks"), true);
		found.open += sum_counted(json_object_get(process, "open_polls"), false);
		found.lost += event_number(process, "lost_events");
		found.missing += event_number(process, "missing_events");
		found.untraced +=
		    event_number(untraced, "callbacks") + event_number(untraced, "events");
	}
	return found;
}

static void check_process(const struct found *found, uint32_t pid, uint64_t started,
			  uint64_t finished, unsigned flags, const char *what)
{
	uint64_t all = found->ended + found->open;
	uint64_t more = flags & FAULT_DIES ? 8 : 0;

	cr_expect_leq(all, started + more,
		      "%s: process %u ran %" PRIu64 " callbacks, the trace has %" PRIu64, what, pid,
		      started, all);
	if (flags & FAULT_CROWDED)
		cr_expect_eq(all + found->untraced / 2, started,
			     "%s: %" PRIu64 " ran, %" PRIu64 " recorded, %" PRIu64
			     " events untraced",
			     what, started, all, found->untraced);
	if (flags & (FAULT_LOSES | FAULT_CROWDED))
		return;
	cr_expect_geq(all, started,
		      "%s: process %u ran %" PRIu64 " callbacks, the trace has %" PRIu64, what, pid,
		      started, all);
	cr_expect_geq(found->ended + more, finished,
		      "%s: process %u finished %" PRIu64 ", the trace has %" PRIu64, what, pid,
		      finished, found->ended);
	cr_expect_eq((flags & FAULT_SOME_LOST ? 0 : found->lost + found->untraced) + found->missing,
		     0,
		     "%s: process %u: %" PRIu64 " lost, %" PRIu64 " missing, %" PRIu64 " untraced",
		     what, pid, found->lost, found->missing, found->untraced);
}

void fault_check_trace(const struct fault_truth *truth, unsigned flags, unsigned untraced,
		       const char *what)
{
	json_t *report = fault_analyze(truth);

	for (size_t i = 0; i < truth->count; i++) {
		uint32_t pid = truth->processes[i].pid;
		struct found found = found_read(report, pid);

		if (found.images == 0 && (flags & FAULT_UNTRACED || untraced > 0)) {
			untraced -= untraced > 0;
			continue;
		}
		cr_expect_gt(found.images, 0, "%s: no trace of process %u", what, pid);
		check_process(&found, pid, truth->processes[i].started,
			      truth->processes[i].finished, flags, what);
	}
	json_decref(report);
}

/* ---- One fault ------------------------------------------------------------------------------ */

/* Takes the lines that begin with "uvtrace: " out of the text; returns them. */
static char *take_own_lines(char *text)
{
	char *own = calloc(1, strlen(text) + 1), *to = text;

	for (char *line = text, *next; *line; line = next) {
		bool is_own = strncmp(line, "uvtrace: ", 9) == 0;

		next = strchr(line, '\n');
		next = next ? next + 1 : line + strlen(line);
		if (is_own) {
			strncat(own, line, (size_t)(next - line));
			continue;
		}
		memmove(to, line, (size_t)(next - line));
		to += next - line;
	}
	*to = '\0';
	return own;
}

static void check_said(const struct fault *fault, enum fault_mode mode, const char *own,
		       const char *what)
{
	const char *wanted = fault->says[mode];
	const char *end = strchr(own, '\n');

	if (!own[0]) {
		cr_expect(!wanted || fault->flags & FAULT_MAY_SAY, "%s: nothing was said", what);
		return;
	}
	cr_expect(wanted && strstr(own, wanted) && end &&
		      (!end[1] || fault->flags & FAULT_SAYS_MORE),
		  "%s: said: %s", what, own);
}

static void run_traced(const struct fault *fault, enum fault_mode mode, const struct result *bare)
{
	struct run run = {.program = build_path("fixtures/none"), .prepare = fault->prepare};
	struct fault_truth truth;
	struct result result;
	char what[128], program[128], *own;

	snprintf(what, sizeof(what), "%s (%s)", fault->name, fault_mode_names[mode]);
	snprintf(program, sizeof(program), "fixtures/%s", fault->program);
	run.program = build_path(program);
	memcpy(run.args, fault->args, sizeof(run.args));
	memcpy(run.env, fault->env, sizeof(fault->env));
	for (int i = 0; i < HARNESS_ARGS_MAX; i++) {
		if (!run.env[i]) {
			run.env[i] = fault_mode_settings[mode];
			break;
		}
	}
	result = run_program(&run);
	own = take_own_lines(result.err);
	cr_expect_eq(result.status, bare->status, "%s: status %d, without tracing %d: %s", what,
		     result.status, bare->status, own);
	cr_expect_str_eq(result.out, bare->out, "%s: wrote %s", what, result.out);
	cr_expect_str_eq(result.err, bare->err, "%s: complained %s", what, result.err);
	check_said(fault, mode, own, what);
	truth = fault_truth_read();
	fault_check_gone(
	    &truth,
	    fault->flags & FAULT_BOTH_DIE ||
		(mode == FAULT_THREAD && fault->flags & (FAULT_DIES | FAULT_THREAD_LEAVES_RING)),
	    what);
	fault_check_trace(&truth, fault->flags & ~FAULT_DIES, fault->untraced, what);
	fault_remove_rings(&truth);
	result_free(&result);
	free(own);
}

static struct result run_bare(const struct fault *fault)
{
	struct run run = {.prepare = fault->prepare, .bare = true};
	char program[128];

	snprintf(program, sizeof(program), "fixtures/%s", fault->program);
	run.program = build_path(program);
	memcpy(run.args, fault->args, sizeof(run.args));
	memcpy(run.env, fault->env, sizeof(fault->env));
	return run_program(&run);
}

void fault_run(const struct fault *fault)
{
	struct result bare;

	if (fault->flags & FAULT_ROOT && geteuid() != 0)
		cr_skip_test("only root can try it");
	harness_enter();
	bare = run_bare(fault);
	umount2("uvtrace.data", MNT_DETACH); /* a fault may need a small disk */
	harness_leave();
	if (fault->flags & FAULT_KERNEL && bare.status == 126)
		cr_skip_test("this kernel does not have it");
	for (enum fault_mode mode = 0; mode < FAULT_MODES; mode++) {
		harness_enter();
		run_traced(fault, mode, &bare);
		umount2("uvtrace.data", MNT_DETACH);
		harness_leave();
	}
	result_free(&bare);
}
