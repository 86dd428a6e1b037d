/* SPDX-License-Identifier: Apache-2.0
 *
 * SIGKILL at random moments: of the program under load, and of its helper. FAULT_KILLS says how
 * many times.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "faults.h"

/* Nothing is lost because a busy machine drains late. */
#define RING	     "UVTRACE_RING_SIZE=16M"
#define KILLS	     50
#define EARLIEST_US  2000
#define LATEST_US    40000
#define HELPER_KILLS 5

TestSuite(fault_kills, .timeout = 1800);

static int kills(void)
{
	const char *text = getenv("FAULT_KILLS");
	int count = text ? atoi(text) : 0;

	return count > 0 ? count : KILLS;
}

static unsigned random_us(unsigned earliest, unsigned latest)
{
	return earliest + (unsigned)random() % (latest - earliest);
}

/* As many callbacks as the program was in are named as open. */
static void check_running_is_named(const struct fault_truth *truth, const char *what)
{
	json_t *report = fault_analyze(truth);
	json_t *open = json_object_get(report, "open_polls");
	size_t named = 0;

	for (size_t i = 0; i < json_array_size(open); i++)
		named +=
		    strncmp(event_text(json_array_get(open, i), "callback"), "counted_", 8) == 0;
	cr_expect_geq(named, truth->processes[0].started - truth->processes[0].finished,
		      "%s: the program died in %lu callbacks, %zu are named", what,
		      truth->processes[0].started - truth->processes[0].finished, named);
	json_decref(report);
}

static void kill_program(enum fault_mode mode, const char *what)
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"load"},
			  .env = {fault_mode_settings[mode], RING}};
	struct fault_truth truth;
	struct session session;

	harness_enter();
	session = session_start(&run);
	fault_sleep_us(random_us(EARLIEST_US, LATEST_US));
	kill(session.pid, SIGKILL);
	cr_expect_eq(session_end(&session), 128 + SIGKILL);
	if (count_files(".", "counts") != 0) {
		truth = fault_truth_read();
		/* Killed before its first callback, it may not even have had a helper. */
		fault_check_gone(
		    &truth, mode == FAULT_THREAD || !truth.count || !truth.processes[0].started,
		    what);
		if (truth.count && truth.processes[0].started) {
			fault_check_trace(&truth, FAULT_DIES, 0, what);
			check_running_is_named(&truth, what);
		}
		fault_remove_rings(&truth);
	}
	harness_leave();
}

static void kill_programs(enum fault_mode mode)
{
	char what[64];
	unsigned seed = (unsigned)time(NULL);

	srandom(seed);
	for (int i = 0; i < kills(); i++) {
		snprintf(what, sizeof(what), "seed %u, kill %d (%s)", seed, i,
			 fault_mode_names[mode]);
		kill_program(mode, what);
	}
}

Test(fault_kills, program)
{
	kill_programs(FAULT_PROCESS);
}

Test(fault_kills, program_with_its_thread)
{
	kill_programs(FAULT_THREAD);
}

static void kill_helper(const char *what)
{
	struct run run = {.program = build_path("fixtures/fault_end"),
			  .args = {"busy"},
			  .env = {fault_mode_settings[FAULT_PROCESS], RING}};
	struct fault_truth truth;
	struct session session;

	harness_enter();
	session = session_start(&run);
	for (int i = 0; i < HELPER_KILLS; i++) {
		pid_t helper;

		fault_sleep_us(random_us(EARLIEST_US, 100000));
		helper = fault_helper_of(session.pid);
		if (helper)
			kill(helper, SIGKILL);
	}
	cr_expect_eq(session_end(&session), 0, "%s", what);
	truth = fault_truth_read();
	fault_check_gone(&truth, false, what);
	fault_check_trace(&truth, 0, 0, what);
	cr_expect_eq(count_files("uvtrace.data", ".open"), 0, "%s: files were left open", what);
	fault_remove_rings(&truth);
	harness_leave();
}

Test(fault_kills, helper)
{
	char what[64];
	unsigned seed = (unsigned)time(NULL);

	srandom(seed);
	for (int i = 0; i < (kills() + 4) / 5; i++) {
		snprintf(what, sizeof(what), "seed %u, kill %d of the helper", seed, i);
		kill_helper(what);
	}
}
