/* SPDX-License-Identifier: Apache-2.0
 *
 * Stuck callbacks: that the watchdog names what a callback is stuck in, with the file, the holder
 * of the lock, and the stack up to the program's own line; what it does where it is not allowed to
 * look; and what it leaves alone. The truth is what the program (tests/fixtures/process/stuck.c)
 * says of itself.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

TestSuite(stalls, .init = harness_enter, .fini = harness_leave, .timeout = 60);

struct stuck {
	json_t *truth, *report;
	const json_t *stalls;
};

static struct stuck stuck_run(const char *mode, const char *ms, const char *times,
			      const char *setting)
{
	struct run run = {
	    .program = build_path("fixtures/stuck"), .args = {mode, ms, times}, .env = {setting}};
	struct result result = run_well(&run);
	struct stuck stuck = {.truth = truth_read(result.out),
			      .report = analyze("uvtrace.data", NULL)};

	stuck.stalls = json_object_get(stuck.report, "stalls");
	cr_assert(json_is_array(stuck.stalls));
	return stuck;
}

static const json_t *frame_named(const json_t *stall, const char *function)
{
	const json_t *frames = json_object_get(stall, "frames");

	for (size_t i = 0; i < json_array_size(frames); i++)
		if (strcmp(event_text(json_array_get(frames, i), "function"), function) == 0)
			return json_array_get(frames, i);
	return NULL;
}

/* The first look; there is one at least. */
static const json_t *first_stall(const struct stuck *stuck)
{
	cr_assert_gt(json_array_size(stuck->stalls), 0, "nobody looked");
	return json_array_get(stuck->stalls, 0);
}

/* Its stack has the function that was stuck, at its line, and ends with the callback; that one is
 * not guessed. */
static void check_stack(const struct stuck *stuck, const json_t *stall, const char *function)
{
	const json_t *frames = json_object_get(stall, "frames"),
		     *frame = frame_named(stall, function), *last;
	const char *file;

	cr_assert_not_null(frame, "%s is not in the stack: %s", function, json_dumps(stall, 0));
	file = event_text(frame, "file");
	cr_assert(strstr(file, "stuck.c"), "%s", file);
	cr_assert_eq((int64_t)event_number(frame, "line"), truth_value(stuck->truth, "line"));
	cr_assert(json_is_false(json_object_get(frame, "scanned")));
	last = json_array_get(frames, json_array_size(frames) - 1);
	cr_assert_str_eq(event_text(last, "function"), "on_timer");
}

static void check_times(const json_t *stall)
{
	uint64_t measured_ns = event_number(stall, "measured_ns");

	cr_assert_geq(event_number(stall, "so_far_ns"), 24000000);
	cr_assert_eq(measured_ns, event_number(stall, "on_cpu_ns") +
				      event_number(stall, "wait_ns") +
				      event_number(stall, "asleep_ns"));
	cr_assert_leq(measured_ns, event_number(stall, "so_far_ns"));
}

/* A callback that sleeps in a system call. Returns its first look. */
static const json_t *check_asleep(const struct stuck *stuck, const char *syscall,
				  const char *function)
{
	const json_t *stall = first_stall(stuck);

	cr_assert_str_eq(event_text(stall, "callback"), "on_timer");
	cr_assert_str_eq(event_text(stall, "syscall"), syscall);
	cr_assert_eq(json_array_size(json_object_get(stall, "args")), 6);
	cr_assert_str_eq(event_text(stall, "state"), "S");
	cr_assert(json_is_false(json_object_get(stall, "stopped")),
		  "what sleeps is not stopped for a look");
	check_times(stall);
	check_stack(stuck, stall, function);
	return stall;
}

static void check_says(const json_t *of, const char *field, const char *format, ...)
{
	char wanted[PATH_MAX + 100];
	va_list more;

	va_start(more, format);
	vsnprintf(wanted, sizeof(wanted), format, more);
	va_end(more);
	cr_assert(strstr(event_text(of, field), wanted), "%s has no \"%s\": %s", field, wanted,
		  event_text(of, field));
}

/* Of the program's own: a busy machine is another. */
static const json_t *first_finding(const struct stuck *stuck)
{
	const json_t *findings = json_object_get(stuck->report, "findings");
	size_t first = 0;

	while (first + 1 < json_array_size(findings) &&
	       strcmp(event_text(json_array_get(findings, first), "id"), "descheduled") == 0)
		first++;
	return json_array_get(findings, first);
}

/* ---- What it is stuck in --------------------------------------------------------------------- */

Test(stalls, names_the_file_of_a_lock)
{
	struct stuck stuck = stuck_run("flock", NULL, NULL, NULL);
	const json_t *stall = check_asleep(&stuck, "flock", "save_state");
	char dir[PATH_MAX];

	cr_assert_not_null(getcwd(dir, sizeof(dir)));
	check_says(stall, "what", "flock(fd %d = %s/held.lock)",
		   (int)truth_value(stuck.truth, "fd"), dir);
	cr_assert_str_eq(event_text(stall, "cause"), "syscall");
	cr_assert_str_eq(event_text(first_finding(&stuck), "id"), "blocked_syscall");
	check_says(first_finding(&stuck), "title", "off-CPU in save_state stuck.c:");
	check_says(first_finding(&stuck), "title", ": flock(fd %d = %s/held.lock)",
		   (int)truth_value(stuck.truth, "fd"), dir);
}

Test(stalls, names_a_sleep_and_how_long_it_is)
{
	struct stuck stuck = stuck_run("nanosleep", "420", NULL, NULL);
	const json_t *stall = check_asleep(&stuck, "clock_nanosleep", "wait_a_while");

	check_says(stall, "what", "clock_nanosleep(0.420 s)");
}

/* It had begun when it was looked at 25 ms after the callback had. */
Test(stalls, says_how_long_a_sleep_goes_on)
{
	struct stuck stuck = stuck_run("until", "420", NULL, NULL);
	const json_t *stall = check_asleep(&stuck, "clock_nanosleep", "wait_until");
	int more_ms;

	cr_assert_eq(sscanf(event_text(stall, "what"), "clock_nanosleep(0.%3d s more)", &more_ms),
		     1, "%s", event_text(stall, "what"));
	cr_assert_leq(more_ms, 420 - 25);
}

Test(stalls, names_who_holds_a_mutex)
{
	struct stuck stuck = stuck_run("mutex", NULL, NULL, NULL);
	const json_t *stall = check_asleep(&stuck, "futex", "update_table");

	cr_assert_str_eq(event_text(stall, "cause"), "lock");
	check_says(stall, "what", "(table_lock), held by thread %d (holder)",
		   (int)truth_value(stuck.truth, "holder"));
	check_says(stall, "what", "mutex_lock");
	cr_assert_str_eq(event_text(first_finding(&stuck), "id"), "blocked_lock");
}

Test(stalls, names_a_descriptor_that_is_read)
{
	struct stuck stuck = stuck_run("read", NULL, NULL, NULL);

	check_says(check_asleep(&stuck, "read", "read_answer"), "what", "read(fd %d = pipe:[",
		   (int)truth_value(stuck.truth, "fd"));
}

Test(stalls, names_a_descriptor_that_is_waited_for)
{
	struct stuck stuck = stuck_run("poll", NULL, NULL, NULL);

	check_says(check_asleep(&stuck, "poll", "await_answer"), "what", "poll(fd %d = pipe:[",
		   (int)truth_value(stuck.truth, "fd"));
}

Test(stalls, finds_where_a_callback_computes)
{
	struct stuck stuck = stuck_run("spin", NULL, NULL, NULL);
	const json_t *stall = first_stall(&stuck);

	cr_assert_str_eq(event_text(stall, "callback"), "on_timer");
	/* Where others take the CPU at that moment, that is what is said of it. */
	cr_assert(strcmp(event_text(stall, "cause"), "cpu") == 0 ||
		  strcmp(event_text(stall, "cause"), "descheduled") == 0);
	cr_assert(json_is_true(json_object_get(stall, "stopped")));
	cr_assert(json_is_null(json_object_get(stall, "syscall")));
	check_times(stall);
	check_stack(&stuck, stall, "crunch");
	check_says(stall, "what", "crunch stuck.c:%d", (int)truth_value(stuck.truth, "line"));
	cr_assert_str_eq(event_text(first_finding(&stuck), "id"), "blocked_cpu");
	check_says(first_finding(&stuck), "title", "computing");
}

/* It records events of its own all the while: a ring that moves is no sign of a callback that has
 * come back. */
Test(stalls, sees_a_callback_that_goes_on_recording)
{
	struct stuck stuck = stuck_run("ring", NULL, NULL, NULL);

	cr_assert_str_eq(event_text(first_stall(&stuck), "callback"), "on_timer");
	cr_assert_not_null(frame_named(first_stall(&stuck), "ring_on"));
}

/* It is asleep as between callbacks, but its own callback waits: one sample says where. */
Test(stalls, sees_once_where_a_callback_runs_a_loop_of_its_own)
{
	struct stuck stuck = stuck_run("inside", NULL, NULL, NULL);
	const json_t *asleep = NULL;
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(stuck.stalls); i++) {
		const json_t *stall = json_array_get(stuck.stalls, i);
		if (strcmp(event_text(stall, "state"), "S") != 0)
			continue;
		asleep = stall;
		count++;
	}
	cr_assert_eq(count, 1, "%zu samples of one wait", count);
	cr_assert_str_eq(event_text(asleep, "callback"), "on_timer");
	cr_assert_str_eq(event_text(asleep, "cause"), "syscall");
	cr_assert(json_is_false(json_object_get(asleep, "stopped")));
	check_times(asleep);
	check_stack(&stuck, asleep, "run_inside");
	cr_assert_str_eq(event_text(first_finding(&stuck), "id"), "nested_loop");
}

/* ---- How often ------------------------------------------------------------------------------- */

Test(stalls, looks_again_at_doubling_intervals)
{
	struct stuck stuck = stuck_run("nanosleep", "900", NULL, "UVTRACE_STALL_MS=50");
	size_t count = json_array_size(stuck.stalls);
	uint64_t due_ns = 50000000, before_ns = 0;

	cr_assert(count >= 2 && count <= 5,
		  "%zu looks in 900 ms: at 50, 100, 200, 400 and 800 at most", count);
	for (size_t i = 0; i < count; i++, due_ns *= 2) {
		uint64_t so_far_ns = event_number(json_array_get(stuck.stalls, i), "so_far_ns");

		cr_assert_geq(so_far_ns + 1000000, due_ns, "look %zu came after %" PRIu64 " ns", i,
			      so_far_ns);
		cr_assert_gt(so_far_ns, before_ns);
		before_ns = so_far_ns;
	}
}

Test(stalls, counts_the_looks_that_it_leaves_out)
{
	struct stuck stuck = stuck_run("nanosleep", "70", "12", NULL);
	const json_t *totals = json_object_get(stuck.report, "stall_totals");

	cr_assert_gt(event_number(totals, "suppressed"), 0,
		     "each of 12 callbacks was due twice within a second");
	cr_assert_eq(event_number(totals, "looks"), json_array_size(stuck.stalls));
	for (size_t i = 0; i + 5 < json_array_size(stuck.stalls); i++)
		cr_assert_gt(event_number(json_array_get(stuck.stalls, i + 5), "at_ns") -
				 event_number(json_array_get(stuck.stalls, i), "at_ns"),
			     900000000, "more than five in a second");
}

Test(stalls, are_not_looked_for_when_switched_off)
{
	struct stuck stuck = stuck_run("nanosleep", "200", NULL, "UVTRACE_STALL_MS=0");

	cr_assert_eq(json_array_size(stuck.stalls), 0);
}

Test(stalls, are_longer_than_the_threshold)
{
	struct stuck stuck = stuck_run("spin", "200", NULL, "UVTRACE_STALL_MS=5000");

	cr_assert_eq(json_array_size(stuck.stalls), 0);
}

/* ---- What is not allowed --------------------------------------------------------------------- */

static void check_note(const struct stuck *stuck, const char *part)
{
	const json_t *notes = json_object_get(stuck->report, "notes");

	cr_assert_eq(json_array_size(notes), 1, "%zu notes", json_array_size(notes));
	cr_assert(strstr(json_string_value(json_array_get(notes, 0)), part), "%s",
		  json_string_value(json_array_get(notes, 0)));
}

Test(stalls, are_named_where_nobody_may_be_stopped)
{
	struct stuck stuck = stuck_run("forbidden", NULL, NULL, NULL);

	cr_assert_str_eq(event_text(first_stall(&stuck), "callback"), "on_timer");
	cr_assert_str_eq(event_text(first_stall(&stuck), "error"), strerror(EPERM));
	check_note(&stuck, "may not stop the program");
	check_says(first_finding(&stuck), "id", "blocked_cpu");
}

Test(stalls, name_the_call_where_memory_may_not_be_read)
{
	struct stuck stuck = stuck_run("unread", NULL, NULL, NULL);

	cr_assert_str_eq(event_text(first_stall(&stuck), "syscall"), "clock_nanosleep");
	check_note(&stuck, "have no stacks");
}

/* The program gives up its rights, and hides: of /proc not even what it sleeps in can be read. */
Test(stalls, are_named_where_nothing_may_be_seen)
{
	struct stuck stuck;

	cr_assert_eq(mkdir("uvtrace.data", 0777), 0);
	cr_assert_eq(chmod("uvtrace.data", 0777) | chmod(".", 0711), 0);
	stuck = stuck_run("hidden", NULL, NULL, NULL);
	cr_assert_str_eq(event_text(first_stall(&stuck), "callback"), "on_timer");
	cr_assert_gt(event_number(json_object_get(stuck.report, "stall_totals"), "blind"), 0);
	check_note(&stuck, "does not let uvtrace-drain look");
}

Test(stalls, are_named_by_a_thread_too)
{
	struct stuck stuck = stuck_run("flock", NULL, NULL, "UVTRACE_DRAIN=thread");

	check_asleep(&stuck, "flock", "save_state");
}

Test(stalls, have_no_stack_where_a_thread_looks_at_one_that_computes)
{
	struct stuck stuck = stuck_run("spin", NULL, NULL, "UVTRACE_DRAIN=thread");

	cr_assert_str_eq(event_text(first_stall(&stuck), "callback"), "on_timer");
	cr_assert_eq(json_array_size(json_object_get(first_stall(&stuck), "frames")), 0);
	check_note(&stuck, "a thread of the program drains");
}

/* ---- What is left alone ---------------------------------------------------------------------- */

/* A program that was stopped stays so, and runs on when somebody lets it. */
Test(stalls, leave_a_stopped_program_stopped)
{
	struct run run = {.program = build_path("fixtures/stuck"), .args = {"stop"}};
	struct session session = session_start(&run);
	json_t *truth;
	int status;

	cr_assert_eq(waitpid(session.pid, &status, WUNTRACED), session.pid);
	cr_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	usleep(400000);
	cr_assert_eq(waitpid(session.pid, &status, WNOHANG | WCONTINUED), 0,
		     "somebody let it go on");
	cr_assert_eq(kill(session.pid, SIGCONT), 0);
	cr_assert_eq(session_end(&session), 0);
	truth = truth_read(session.out);
	cr_assert_geq(truth_value(truth, "stopped_ms"), 399);
}

/* As a debugger does. */
Test(stalls, are_named_beside_a_debugger)
{
	struct run run = {.program = build_path("fixtures/stuck"), .args = {"spin", "1500"}};
	struct session session = session_start(&run);
	struct stuck stuck;

	cr_assert_eq(ptrace(PTRACE_SEIZE, session.pid, NULL, NULL), 0, "%s", strerror(errno));
	cr_assert_eq(session_end(&session), 0);
	cr_assert(wait_for_drain(session.pid));
	stuck = (struct stuck){.truth = truth_read(session.out),
			       .report = analyze("uvtrace.data", NULL)};
	stuck.stalls = json_object_get(stuck.report, "stalls");
	cr_assert_str_eq(event_text(first_stall(&stuck), "callback"), "on_timer");
	check_note(&stuck, "a debugger is attached");
}

Test(stalls, of_a_healthy_program_there_are_none)
{
	struct run run = {.program = build_path("fixtures/timers")};
	json_t *report;

	run_well(&run);
	report = analyze("uvtrace.data", NULL);
	cr_assert_eq(json_array_size(json_object_get(report, "stalls")), 0);
	cr_assert_eq(event_number(json_object_get(report, "stall_totals"), "suppressed"), 0);
}
